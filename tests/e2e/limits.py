#!/usr/bin/python3
"""limits.py UNIT --user NAME [--keep PATH]... [--writable PATH]... -- COMMAND...: COMMAND under the limits of a systemd unit.

For where systemd is not process 1: as root, it applies what systemd.exec(5) says about the unit's options by the same means
of the kernel, and refuses an option that it does not know. The groups of SystemCallFilter= are systemd's own, as systemd-analyze
prints them. Not here: MemoryMax=, TasksMax= (they take a cgroup) and IPAddressDeny= (a BPF program of the cgroup).

PATHs, with what they mount, stay visible where ProtectHome=, PrivateTmp= and so on hide what is around them.
"""

import ctypes
import errno
import os
import pathlib
import resource
import socket
import stat
import subprocess
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, CLONE_NEWIPC = 0x00020000, 0x08000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18
MS_NOATIME, MS_NODIRATIME, MS_RELATIME = 1024, 2048, 1 << 21
FLAGS = {"ro": MS_RDONLY, "nosuid": MS_NOSUID, "nodev": MS_NODEV, "noexec": MS_NOEXEC, "noatime": MS_NOATIME,
         "nodiratime": MS_NODIRATIME, "relatime": MS_RELATIME}
ALLOWED = "LIMITS_ALLOWED_CALLS"  # from the first half of it to the second, which cannot run systemd-analyze
DEVICES = ["null", "zero", "full", "random", "urandom", "tty"]
# What is the service manager's own business, or has no meaning without it.
WITHOUT_EFFECT = {"Type", "ExecStart", "ExecReload", "Restart", "RestartSec", "RestartPreventExitStatus", "WatchdogSec", "TimeoutStopSec",
                  "SyslogIdentifier", "SyslogLevel", "StateDirectory", "StateDirectoryMode", "MemoryMax", "TasksMax", "IOSchedulingClass",
                  "OOMScoreAdjust", "IPAddressDeny", "KeyringMode", "RemoveIPC", "User", "Sockets"}
APPLIED = {"PrivateMounts", "ProtectSystem", "ProtectHome", "PrivateTmp", "ProtectProc", "ProtectKernelTunables", "ProtectControlGroups",
           "ProtectKernelLogs", "ProtectKernelModules", "PrivateDevices", "DevicePolicy", "CapabilityBoundingSet",
           "AmbientCapabilities", "NoNewPrivileges", "SystemCallFilter", "SystemCallErrorNumber", "SystemCallArchitectures",
           "RestrictNamespaces", "MemoryDenyWriteExecute", "RestrictRealtime", "LockPersonality", "RestrictSUIDSGID",
           "RestrictAddressFamilies", "UMask", "LimitMEMLOCK"}
# Their calls, each of which the filter has to refuse anyway.
IMPLIED = {"ProtectClock": {"clock_settime", "settimeofday", "adjtimex"}, "ProtectHostname": {"sethostname", "setdomainname"}}


def call(function, *arguments):
    if getattr(LIBC, function)(*arguments) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), f"{function}{arguments}")


def mount(source, target, kind=None, flags=0, data=None):
    call("mount", *[None if text is None else os.fsencode(text) for text in (source, target, kind)], ctypes.c_ulong(flags),
         None if data is None else data.encode())


class Unit:
    """The [Service] section: unit["User"] is the last value, unit.all("SystemCallFilter") every one."""

    def __init__(self, path):
        self.values, section = {}, None
        for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines():
            line = line.strip()
            if line.startswith("["):
                section = line
            elif section == "[Service]" and line and line[0] not in "#;":
                name, value = line.split("=", 1)
                self.values.setdefault(name, []).append(value)

    def all(self, name):
        return self.values.get(name, [])

    def __getitem__(self, name):
        return (self.all(name) or [""])[-1]

    def on(self, name):
        return self[name] in ("yes", "true", "1")


def mounts():
    """(target, flags) of each mount, the outer ones first."""
    for line in pathlib.Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        fields = line.split()
        flags = 0
        for name in fields[5].split(","):
            flags |= FLAGS.get(name, 0)
        yield fields[4].encode().decode("unicode_escape"), flags


def make_read_only(path):
    """A mount of its own, and what is mounted below, as they are but read-only."""
    mount(path, path, flags=MS_BIND | MS_REC)
    for target, flags in list(mounts()):
        if target == path or target.startswith(path.rstrip("/") + "/"):
            mount(None, target, flags=MS_REMOUNT | MS_BIND | MS_RDONLY | flags)


def hide(path, options="mode=000"):
    if os.path.isdir(path):
        mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, options)


class Kept:
    """Paths that are opened before everything is hidden, and mounted again when it is."""

    def __init__(self, paths):
        self.paths = [(path, os.open(path, os.O_PATH), os.stat(path)) for path in paths]

    def mount(self, writable):
        for path, fd, status in self.paths:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            if not os.path.exists(path):
                if stat.S_ISDIR(status.st_mode):
                    os.mkdir(path)
                else:
                    os.close(os.open(path, os.O_CREAT, 0o600))
            mount(f"/proc/self/fd/{fd}", path, flags=MS_BIND)
            mount(None, path, flags=MS_REMOUNT | MS_BIND | (0 if path in writable else MS_RDONLY))
            os.close(fd)


def reach(path):
    """Whoever passes through the folders above path that were made here."""
    for folder in list(pathlib.Path(path).parents)[:-1]:
        if os.access(folder, os.W_OK) and stat.S_IMODE(folder.stat().st_mode) == 0:
            folder.chmod(0o711)


def restrict_files(unit, keep, writable):
    """ProtectSystem=, ProtectHome=, PrivateTmp= and their like: a mount namespace."""
    if not (unit.on("PrivateMounts") and unit["ProtectSystem"] == "strict" and unit.on("ProtectHome") and unit.on("PrivateTmp")):
        raise SystemExit("limits.py: PrivateMounts=, ProtectSystem=strict, ProtectHome= and PrivateTmp= are expected to be on")
    call("unshare", CLONE_NEWNS | CLONE_NEWIPC)
    mount(None, "/", flags=MS_REC | MS_PRIVATE)
    kept = Kept([*keep, *writable])
    for target, flags in list(mounts()):
        if not target.startswith(("/proc", "/dev", "/sys")):
            mount(None, target, flags=MS_REMOUNT | MS_BIND | MS_RDONLY | flags)
    for path in ("/home", "/root", "/run/user"):
        hide(path)
    for path in ("/tmp", "/var/tmp"):
        hide(path, "mode=1777")
    kept.mount(writable)
    for path in [*keep, *writable]:
        reach(path)
    if unit["ProtectProc"]:
        mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, f"hidepid={unit['ProtectProc']}")
    if unit.on("ProtectKernelTunables"):
        for path in ("/proc/sys", "/proc/irq", "/proc/bus", "/proc/fs", "/proc/acpi", "/sys"):
            if os.path.exists(path):
                make_read_only(path)
    if unit.on("ProtectControlGroups") and os.path.ismount("/sys/fs/cgroup"):
        make_read_only("/sys/fs/cgroup")
    if unit.on("ProtectKernelLogs"):
        mount("/dev/null", "/proc/kmsg", flags=MS_BIND)
    if unit.on("ProtectKernelModules"):
        hide("/usr/lib/modules")
    if unit.on("PrivateDevices") and unit["DevicePolicy"] == "closed":
        restrict_devices()


def restrict_devices():
    fds = {name: os.open(f"/dev/{name}", os.O_PATH) for name in DEVICES if os.path.exists(f"/dev/{name}")}
    mount("tmpfs", "/dev", "tmpfs", MS_NOSUID, "mode=755")
    for name, fd in fds.items():
        pathlib.Path(f"/dev/{name}").touch()
        mount(f"/proc/self/fd/{fd}", f"/dev/{name}", flags=MS_BIND)
        os.close(fd)
    os.symlink("/proc/self/fd", "/dev/fd")
    mount(None, "/dev", flags=MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID)


def credentials(unit, user):
    """The command line of setpriv(1) that makes this user with these capabilities and no others."""
    names = [name.lower().removeprefix("cap_") for name in unit["CapabilityBoundingSet"].split()]
    ambient = [name.lower().removeprefix("cap_") for name in unit["AmbientCapabilities"].split()]
    bounding, ambient = (",".join(["-all", *[f"+{name}" for name in some]]) for some in (names, ambient))
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", f"--bounding-set={bounding}",
            f"--inh-caps={ambient}", f"--ambient-caps={ambient}", *(["--no-new-privs"] if unit.on("NoNewPrivileges") else [])]


def expand(group, seen=None):
    """The names of the system calls in a group; a name that is none stands for itself."""
    if not group.startswith("@"):
        return {group}
    seen = set() if seen is None else seen
    if group in seen:
        return set()
    seen.add(group)
    text = subprocess.run(["systemd-analyze", "syscall-filter", group], check=True, capture_output=True, text=True).stdout
    lines = [line.strip() for line in text.splitlines()[1:]]
    return set().union(*[expand(line, seen) for line in lines if line and not line.startswith("#")])


def allowed_calls(unit):
    """SystemCallFilter=, line by line: the first adds, and so do the others, but those that begin with "~" take away."""
    allowed = expand("@default")
    for line in unit.all("SystemCallFilter"):
        names = set().union(*[expand(name) for name in line.removeprefix("~").split()])
        allowed = allowed - names if line.startswith("~") else allowed | names
    for name, calls in IMPLIED.items():
        if unit.on(name) and calls & allowed:
            raise SystemExit(f"limits.py: {name}= would refuse {sorted(calls & allowed)}, and SystemCallFilter= does not")
    return allowed


def load_filters(unit, allowed):
    """Filters, one for each option, as systemd has them: each allows whatever the others are about."""
    import seccomp  # pylint: disable=import-outside-toplevel

    def refuse(*rules, error=errno.EPERM):
        made = seccomp.SyscallFilter(seccomp.ALLOW)
        for name, *arguments in rules:
            try:
                made.add_rule(seccomp.ERRNO(error), name, *arguments)
            except (RuntimeError, ValueError):
                continue  # this architecture has no such call
        made.load()

    def masked(index, mask, value=None):
        return seccomp.Arg(index, seccomp.MASKED_EQ, mask, mask if value is None else value)

    if unit.on("RestrictNamespaces"):
        kinds = [0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000]
        refuse(*[(name, masked(0, kind)) for name in ("clone", "unshare") for kind in kinds], ("setns",))
        refuse(("clone3",), error=errno.ENOSYS)
    if unit.on("MemoryDenyWriteExecute"):
        refuse(("mmap", masked(2, 6)), ("mprotect", masked(2, 4)), ("pkey_mprotect", masked(2, 4)), ("shmat", masked(2, 0o100000)))
    if unit.on("RestrictRealtime"):
        refuse(*[("sched_setscheduler", seccomp.Arg(1, seccomp.EQ, policy)) for policy in (1, 2, 6)])
    if unit.on("LockPersonality"):
        refuse(("personality", seccomp.Arg(0, seccomp.NE, 0)))
    if unit.on("RestrictSUIDSGID"):
        refuse(*[(name, masked(index, bit)) for bit in (0o4000, 0o2000)
                 for name, index in (("chmod", 1), ("fchmod", 1), ("fchmodat", 2), ("mkdir", 1), ("mkdirat", 2), ("mknod", 1),
                                     ("mknodat", 2), ("creat", 1))],
               *[(name, masked(index, 0o100), masked(index + 1, bit)) for bit in (0o4000, 0o2000)
                 for name, index in (("open", 1), ("openat", 2))])
    if unit["RestrictAddressFamilies"]:
        wanted = {int(getattr(socket, name)) for name in unit["RestrictAddressFamilies"].split()}
        refuse(*[("socket", seccomp.Arg(0, seccomp.EQ, family)) for family in set(range(64)) - wanted],
               ("socket", seccomp.Arg(0, seccomp.GE, 64)), error=errno.EAFNOSUPPORT)
    # Last: after it nothing can be loaded any more, should it not be among what is allowed.
    made = seccomp.SyscallFilter(seccomp.ERRNO(getattr(errno, unit["SystemCallErrorNumber"])))
    for name in sorted(allowed):
        try:
            made.add_rule(seccomp.ALLOW, name)
        except (RuntimeError, ValueError):
            continue
    made.load()


def restrict(unit, arguments, command):
    """As root: what is mounted, and who it becomes. The rest is up to load_filters() in the program that setpriv(1) starts."""
    unknown = set(unit.values) - WITHOUT_EFFECT - APPLIED - set(IMPLIED)
    if unknown:
        raise SystemExit(f"limits.py: what would these do? {', '.join(sorted(unknown))}")
    given = {"--keep": [], "--writable": [], "--user": []}
    for name, value in zip(arguments[1::2], arguments[2::2]):
        given[name].append(value)
    allowed = allowed_calls(unit)
    restrict_files(unit, [*given["--keep"], arguments[0], os.path.abspath(__file__)], given["--writable"])
    # Not more than there is: to raise it takes CAP_SYS_RESOURCE.
    size = min(int(unit["LimitMEMLOCK"].removesuffix("M")) << 20, resource.getrlimit(resource.RLIMIT_MEMLOCK)[1] % (1 << 64))
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (size, size))
    os.umask(int(unit["UMask"], 8))
    os.environ[ALLOWED] = " ".join(sorted(allowed))
    os.execvp("setpriv", [*credentials(unit, given["--user"][0]), sys.executable, os.path.abspath(__file__), arguments[0], "--", *command])


def main():
    arguments, command = sys.argv[1:sys.argv.index("--")], sys.argv[sys.argv.index("--") + 1:]
    unit = Unit(arguments[0])
    if ALLOWED not in os.environ:
        restrict(unit, arguments, command)
    load_filters(unit, os.environ.pop(ALLOWED).split())
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
