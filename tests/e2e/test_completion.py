"""What bash, zsh and fish offer after TAB, by the shells themselves: what --help has, and what the program takes."""
import os
import pty
import re
import select
import shutil
import subprocess
import time

import pytest

COMMANDS = ["demo", "record", "listeners", "watch", "report", "serve", "load"]
LOADER = "/usr/share/bash-completion/bash_completion"
# Of a help line the part before the text, which is two spaces away.
HELP_LINE = re.compile(r"^ {2,6}(-\S.*?)(?: {2,}.*)?$", re.MULTILINE)
NAME = re.compile(r"--[a-z][a-z0-9-]*")


def needs(program):
    return pytest.mark.skipif(not shutil.which(program), reason=f"no {program} here")


@pytest.fixture(scope="module")
def shown(synscope):
    """The options that a command's help has: shown("record") -> {"--output", ...}."""

    def read(command):
        text = subprocess.run([synscope, command, "--help"], check=True, capture_output=True, text=True).stdout
        found = {name for line in HELP_LINE.findall(text) for name in NAME.findall(line)}
        assert "--help" in found
        return found

    return read


@pytest.fixture(scope="module")
def script(synscope, tmp_path_factory):
    """The folders that the shells look into, and the program on the path: an environment."""
    root = tmp_path_factory.mktemp("completion")
    for folder, name, shell in (("bash/completions", "synscope", "bash"), ("zsh", "_synscope", "zsh"),
                                ("fish", "synscope.fish", "fish")):
        path = root / folder / name
        path.parent.mkdir(parents=True)
        path.write_text(subprocess.run([synscope, "completion", shell], check=True, capture_output=True, text=True).stdout,
                        encoding="utf-8")
    (root / "bin").mkdir()
    (root / "bin" / "synscope").symlink_to(synscope)
    (root / "work" / "folder").mkdir(parents=True)
    (root / "work" / "file.pcap").touch()
    return root


def environment(root):
    return {**os.environ, "PATH": f"{root}/bin:{os.environ['PATH']}", "BASH_COMPLETION_USER_DIR": f"{root}/bash",
            "HOME": str(root), "XDG_CONFIG_HOME": str(root / "config"), "LC_ALL": "C.UTF-8", "TERM": "dumb"}


def bash(root, *words):
    """What bash-completion finds for 'synscope WORDS', the cursor at the end of the last one."""
    # As readline has it, "=" and ":" are words of their own.
    parts = [part for word in words for part in (re.split(r"([=:])", word) if word else [""]) if part or not word]
    line = "synscope " + " ".join(words)
    code = f"""
        source {LOADER}
        _completion_loader synscope
        [ "$(complete -p synscope)" = 'complete -F _synscope synscope' ] || exit 9
        COMP_WORDS=(synscope "$@") COMP_CWORD=$# COMP_LINE='{line}' COMP_POINT={len(line)} COMP_TYPE=9 COMP_KEY=9
        compopt() {{ :; }}
        _synscope
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "--norc", "-c", code, "bash", *parts], cwd=root / "work", env=environment(root),
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0 and not done.stderr, (done.returncode, done.stderr)
    return {line for line in done.stdout.splitlines() if line}


def fish(root, *words):
    line = "synscope " + " ".join(words)
    done = subprocess.run(["fish", "--no-config", "-c",
                           f"set fish_complete_path {root}/fish $fish_complete_path; complete -C '{line}'"],
                          cwd=root / "work", env=environment(root), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return {line.split("\t")[0] for line in done.stdout.splitlines()}


class Zsh:
    """An interactive zsh on a terminal of its own; complete(TEXT) types it and TAB, and reads the edited line."""

    def __init__(self, root):
        self.answer = root / "answer"
        self.answer.unlink(missing_ok=True)
        pid, self.terminal = pty.fork()
        if pid == 0:
            os.chdir(root / "work")
            os.execvpe("zsh", ["zsh", "-f", "-i"], environment(root))
        self.pid = pid
        # Whatever is ambiguous stays as it was typed, and nothing is listed.
        self.type(f"""fpath=({root}/zsh $fpath); autoload -Uz compinit; compinit -u -D; unsetopt auto_list auto_menu beep
            answer() {{ print -r -- "[$BUFFER]" > {self.answer}.new; mv {self.answer}.new {self.answer}; BUFFER= }}
            zle -N answer; bindkey '^I' expand-or-complete; bindkey '^Xa' answer\n""")
        # Until the shell is ready what is typed may be lost, or be answered when more was typed.
        for attempt in range(60):
            line = self.ask(f"ready{attempt}", 1)
            while line not in (None, f"ready{attempt}"):
                line = self.read(1)
            if line:
                return
        raise AssertionError("zsh does not start")

    def type(self, text):
        os.write(self.terminal, text.encode())

    def drain(self):
        while select.select([self.terminal], [], [], 0)[0]:
            os.read(self.terminal, 65536)

    def ask(self, typed, patience_s=60):
        """The line after it was typed, None if there is no answer."""
        self.type(typed + "\x18a")
        return self.read(patience_s)

    def read(self, patience_s):
        end = time.monotonic() + patience_s
        while not self.answer.exists():
            if time.monotonic() > end:
                return None
            self.drain()
            time.sleep(0.005)
        line = self.answer.read_text(encoding="utf-8").strip()
        self.answer.unlink()
        return line[1:-1]

    def complete(self, text):
        line = self.ask(text + "\t")
        assert line is not None, f"no answer for: {text}"
        return line

    def end(self):
        os.close(self.terminal)
        os.waitpid(self.pid, 0)


@pytest.fixture(scope="module")
def zsh(script):
    shell = Zsh(script)
    yield shell
    shell.end()



@pytest.mark.skipif(not os.path.exists(LOADER), reason="no bash-completion here")
def test_bash_offers_what_the_help_has(script, shown):
    assert bash(script, "") == {*COMMANDS, "--help", "--version"}
    assert bash(script, "re") == {"record", "report"}
    for command in COMMANDS:
        assert bash(script, command, "--") == shown(command), command


@pytest.mark.skipif(not os.path.exists(LOADER), reason="no bash-completion here")
def test_bash_offers_arguments(script, run):
    assert bash(script, "record", "-o", "") == {"folder"}
    assert bash(script, "record", "--output=f") == {"folder"}
    assert bash(script, "report", "f") == {"folder", "file.pcap"}
    assert bash(script, "record", "--duration", "") == set()
    assert "lo" in bash(script, "watch", "-i", "")
    assert "nobody" in bash(script, "record", "--user", "no")
    assert bash(script, "record", "-o", "x", "--", "synsco") == {"synscope"}
    for command, option in (("record", "--format"), ("watch", "-f"), ("listeners", "-f"), ("demo", "--model"),
                            ("serve", "-m"), ("record", "--compress"), ("report", "--color"), ("report", "--fail-on")):
        offered = bash(script, command, option, "")
        assert offered, (command, option)
        for word in offered:
            # getopt() comes to the option before it comes to --help, which ends it.
            assert run(command, option, word, "--help").returncode == 0, (command, option, word)


@pytest.mark.skipif(not os.path.exists(LOADER), reason="no bash-completion here")
def test_bash_offers_the_ports_of_listeners(script, listen):
    port = listen(backlog=8).port
    assert str(port) in bash(script, "watch", "")
    assert str(port) in bash(script, "record", "-o", "x", str(port)[:2])


@needs("fish")
def test_fish_offers_what_the_help_has(script, shown):
    assert fish(script, "") == set(COMMANDS)
    for command in COMMANDS:
        assert {name for name in fish(script, command, "--") if name.startswith("--")} == shown(command), command


@needs("fish")
def test_fish_offers_arguments(script, listen):
    assert fish(script, "record", "-o", "fo") == {"folder/"}
    assert fish(script, "report", "fi") == {"file.pcap"}
    assert fish(script, "record", "--compress", "") == {"zstd", "none"}
    assert "lo" in fish(script, "watch", "-i", "")
    assert str(listen(backlog=8).port) in fish(script, "watch", "")
    assert "synscope" in fish(script, "record", "-o", "x", "--", "synsco")


@needs("zsh")
def test_zsh_completes_what_the_help_has(zsh, shown):
    for command in COMMANDS:
        assert zsh.complete(f"synscope {command[:-1]}").rstrip() == f"synscope {command}"
        for option in shown(command):
            # Without its last letter; another option may begin with the same letters.
            others = [other for other in shown(command) if other.startswith(option[:-1]) and other != option]
            line = zsh.complete(f"synscope {command} {option[:-1]}").rstrip(" =")
            expected = os.path.commonprefix([option, *others])
            assert line == f"synscope {command} {expected}", (command, option)


@needs("zsh")
def test_zsh_completes_arguments(zsh, listen):
    assert zsh.complete("synscope record -o f").rstrip() == "synscope record -o folder/"
    assert zsh.complete("synscope report fi").rstrip() == "synscope report file.pcap"
    assert zsh.complete("synscope record --compress=z").rstrip() == "synscope record --compress=zstd"
    assert zsh.complete("synscope watch -f j").rstrip() == "synscope watch -f json"
    port = str(listen(backlog=8).port)
    assert zsh.complete(f"synscope watch {port[:-1]}").rstrip() == f"synscope watch {port}"
    assert zsh.complete("synscope record -o x -- synsco").rstrip() == "synscope record -o x -- synscope"


def test_a_shell_that_is_unknown_is_named(run):
    for arguments, said in ((["tcsh"], "invalid shell 'tcsh'"), ([], "missing shell")):
        done = run("completion", *arguments)
        assert done.returncode == 2 and said in done.stderr and not done.stdout
