/*
 * The options of an observation, and what is given up once it is open.
 */
#include "cmd/options/observation.h"

#include "cmd/command.h"
#include "cmd/options/value.h"
#include "isolate/sandbox.h"

const char sampling_help[] =
    "      --sample-interval TIME\n"
    "                        sample the queues this often while there is traffic (1ms;\n"
    "                        up to 4ms at thousands of connections per second)\n"
    "      --no-bpf          load no BPF programs: infer what enters the accept queues\n"
    "      --exact-accepts   exact times of accept() also on kernels without fexit:\n"
    "                        every system call of the host is a little slower\n";

const char max_open_help[] =
    "      --max-open N      track at most N open attempts at once (1048576)\n";

const char user_help[] =
    "      --user NAME       as root: switch to this user after start, and chown what was\n"
    "                        made to that user (default: $SUDO_USER, else nobody)\n";

void observation_init(struct observation *observation, const char *command)
{
	*observation = (struct observation){
	    .command = command,
	    .recorder = {.interface = "any", .processes = true, .look_up_children = true},
	};
}

int observation_option(struct observation *o, int option, const char *value)
{
	switch (option) {
	case 'o':
		o->recorder.path = value;
		return 0;
	case 'F':
		o->recorder.force = true;
		return 0;
	case 'i':
		o->recorder.interface = value;
		return 0;
	case 'N':
		o->recorder.netns = value;
		return 0;
	case 'd':
		return value_time(o->command, "--duration", value, 1, INT64_MAX,
				  VALUE_TIME_SUCH_AS("30s"), &o->duration_ns);
	case 's':
		return value_time(o->command, "--sample-interval", value, 50 * NS_PER_US,
				  10 * NS_PER_SEC, "50us to 10s", &o->recorder.sample_interval_ns);
	case 'x':
		o->recorder.exact_accepts = true;
		return 0;
	case 'B':
		o->recorder.no_bpf = true;
		return 0;
	case 0x111:
		return value_max_open(o->command, value, &o->recorder.max_open);
	case 'u':
		if (sandbox_find_user(value) < 0) {
			complain(o->command, "--user: unknown user '%s'", value);
			return usage_error(o->command);
		}
		o->user = value;
		return 0;
	case 0x301:
		o->rows.path = value;
		return 0;
	case 'q':
		o->quiet = true;
		return 0;
	default:
		return metrics_option(&o->metrics, option, value);
	}
}

int observation_target(struct observation *observation, const char *text)
{
	int status = targets_add(&observation->targets, observation->command, text);

	observation->recorder.targets = observation->targets.at;
	observation->recorder.targets_count = observation->targets.count;
	return status;
}

void observation_say_notes(const struct observation *observation, struct recorder *recorder)
{
	const char *const *notes;
	size_t count = recorder_notes(recorder, &notes);

	targets_check(&observation->targets, observation->command);
	if (observation->quiet && !stderr_is_journal())
		return;
	for (size_t i = 0; i < count; i++)
		say(SEVERITY_NOTICE, observation->command, "%s", notes[i]);
}

void observation_say_news(const struct observation *observation, struct recorder *recorder)
{
	const char *news = recorder_news(recorder);

	if (news)
		say(SEVERITY_WARNING, observation->command, "%s", news);
}

int observation_open_rows(struct observation *observation, const char *filter)
{
	struct recorder_options *recorder = &observation->recorder;
	int status = rows_open(&observation->rows, observation->command, filter);

	if (status == 0 && observation->rows.sink)
		recorder->sinks[recorder->sinks_count++] = observation->rows.sink;
	return status;
}

int observation_give_up_privileges(struct observation *observation, const struct recorder *recorder)
{
	int made[FOLDER_MADE_MAX + 1];
	size_t folders = 0;
	struct sandbox_options options = {
	    .change_user = true,
	    .user = observation->user,
	    .made = made,
	    .made_count = recorder_made(recorder, made),
	    .parts = rotation_is_on(&observation->recorder.rotation),
	    .parts_fd = recorder_parts_fd(recorder),
	};
	char error[SANDBOX_ERROR_SIZE];

	if (observation->recorder.path)
		options.writable[folders++] = observation->recorder.path;
	options.writable[folders] = rows_folder(&observation->rows);
	if (observation->rows.file && row_file_made(observation->rows.file) >= 0)
		made[options.made_count++] = row_file_made(observation->rows.file);
	if (sandbox_enter(&options, error) == 0)
		return 0;
	complain(observation->command, "%s", error);
	return STATUS_FAILED;
}
