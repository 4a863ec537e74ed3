/*
 * Interface for the list of subcommands: one line for each file that has one.
 */
#ifndef CMD_COMMANDS_H
#define CMD_COMMANDS_H

int cmd_demo(int argc, char **argv);
int cmd_listeners(int argc, char **argv);
int cmd_load(int argc, char **argv);
int cmd_record(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_serve(int argc, char **argv);
int cmd_watch(int argc, char **argv);

#endif
