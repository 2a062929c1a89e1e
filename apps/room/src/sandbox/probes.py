# Escape probes as an algorithm: prints one JSON object, probe -> "held" or what was reached. Everything that could change
# the host is opened, never written. HOST_PORT, HOST_ABSTRACT, HOST_FILE and HOST_PID are things of the host's that a test
# has put within reach of an ordinary process; with HOST_ONLY nothing beyond the host is tried.
import ctypes
import glob
import json
import mmap
import os
import platform
import resource
import shutil
import signal
import socket
import subprocess

libc = ctypes.CDLL(None, use_errno=True)
ARM = platform.machine() == "aarch64"
found = {}
signal.alarm(40)


def probe(name, attempt):
    try:
        reached = attempt()
        found[name] = "held" if reached is None else "reached: %r" % (reached,)
    except (OSError, ValueError) as error:
        found[name] = "held" if not isinstance(error, TimeoutError) else "timeout"


def call(number_x64, number_arm, *arguments):
    """A raw system call: held if it fails."""
    number = number_arm if ARM else number_x64
    if number is None:
        return None
    result = libc.syscall(ctypes.c_long(number), *[ctypes.c_void_p(a) if isinstance(a, int) else a for a in arguments])
    return None if result < 0 else result


def connect(family, address):
    with socket.socket(family, socket.SOCK_STREAM) as client:
        client.settimeout(3)
        client.connect(address)
    return "connected"


def send(address):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(b"x", address)
    return "sent"


def opens(path, flags):
    def attempt():
        os.close(os.open(path, flags))
        return "opened"
    return attempt


def makes(path):
    def attempt():
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        os.unlink(path)
        return "made"
    return attempt


def makes_socket(*arguments):
    def attempt():
        socket.socket(*arguments).close()
        return "made"
    return attempt


def new_user_namespace():
    result = libc.syscall(ctypes.c_long(220 if ARM else 56), ctypes.c_long(0x10000000 | 17), None, None, None, None)
    if result == 0:
        os._exit(0)
    return None if result < 0 else "cloned"


def attach():
    result = libc.ptrace(16, 1, None, None)
    return None if result < 0 else "attached"


def child_that(act):
    """A child that stops itself after `act`; its parent must reap it."""
    child = os.fork()
    if child == 0:
        act()
        os._exit(0)
    return child


def ended(child):
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def attach_to_child():
    child = child_that(signal.pause)
    try:
        attached = libc.ptrace(16, child, None, None) == 0 or libc.ptrace(0x4206, child, None, None) == 0
        return "attached" if attached else None
    finally:
        ended(child)


def attach_to_sibling():
    first = child_that(signal.pause)
    second = os.fork()
    if second == 0:
        os._exit(1 if libc.ptrace(16, first, None, None) == 0 else 0)
    _, status = os.waitpid(second, 0)
    ended(first)
    return None if status == 0 else "attached"


def sibling_memory():
    child = child_that(signal.pause)
    buffer = ctypes.create_string_buffer(8)
    local = (ctypes.c_void_p * 2)(ctypes.addressof(buffer), 8)
    remote = (ctypes.c_void_p * 2)(ctypes.addressof(buffer), 8)
    try:
        return call(310, 270, child, ctypes.addressof(local), 1, ctypes.addressof(remote), 1, 0)
    finally:
        ended(child)


def pidfd_getfd():
    descriptor = libc.syscall(ctypes.c_long(434), ctypes.c_long(1), ctypes.c_long(0))
    return None if descriptor < 0 else call(438, 438, descriptor, 0, 0)


def terminal_injection():
    near, far = os.openpty()
    import fcntl
    fcntl.ioctl(far, 0x5412, b"x")
    return "typed"


def killed(child):
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def i386_call():
    """int 0x80 reaches the system calls of another ABI, whose numbers a filter might not know."""
    if ARM:
        return None
    child = os.fork()
    if child == 0:
        code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        code.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")  # mov eax, getpid; int 0x80; ret
        address = ctypes.addressof(ctypes.c_char.from_buffer(code))
        ctypes.CFUNCTYPE(ctypes.c_long)(address)()
        os._exit(0)
    return None if killed(child) else "answered"


def setuid_programs():
    loose = [path for path in ("/", "/usr", "/tmp", "/dev/shm", os.getcwd()) if not os.statvfs(path).f_flag & os.ST_NOSUID]
    own = shutil.copy(shutil.which("id"), "/tmp/probe-id")
    os.chmod(own, 0o6755)
    ran = subprocess.run([own, "-u"], capture_output=True, text=True).stdout.strip()
    os.unlink(own)
    return loose or (None if ran in ("", str(os.getuid())) else ran)


def core_dump():
    before = set(os.listdir("."))
    child = os.fork()
    if child == 0:
        os.abort()
    _, status = os.waitpid(child, 0)
    return (os.WCOREDUMP(status) and "dumped") or sorted(set(os.listdir(".")) - before) or None


def core_limit():
    if resource.getrlimit(resource.RLIMIT_CORE)[1] > 1:
        return "a core may be written"
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # at 0 a dump would be piped to the host's handler
    return "changed"


def signal_host():
    """HOST_PID is a process of the host's; in a pid namespace the number means nothing, or somebody of ours."""
    os.kill(int(os.environ["HOST_PID"]), 0)
    return "reached"


def foreign_abi():
    if ARM:
        return None
    child = os.fork()
    if child == 0:
        libc.syscall(ctypes.c_long(0x40000000 | 39))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return None if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGSYS else "answered"


def other_processes():
    names = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        with open(path, "rb") as file:
            names.append(file.read())
    strange = [name for name in names if b"forward.ts" in name or b"probes.py" not in name and b"bwrap" not in name]
    return strange or (len(names) > 4 and names) or None


def descriptors():
    extra = []
    for name in os.listdir("/proc/self/fd"):
        try:
            if int(name) > 2:
                extra.append(os.readlink("/proc/self/fd/" + name))
        except FileNotFoundError:
            continue
    return extra or None


def status():
    with open("/proc/self/status") as file:
        lines = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    wanted = {"Seccomp": "2", "NoNewPrivs": "1"}
    wanted.update({name: "0" * 16 for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")})
    return {name: lines[name] for name in wanted if lines[name] != wanted[name]} or None


def raise_limit():
    soft, hard = resource.getrlimit(resource.RLIMIT_NPROC)
    resource.setrlimit(resource.RLIMIT_NPROC, (hard + 1, hard + 1))
    return "raised"


IPV4 = socket.AF_INET
probe("descriptors", descriptors)
if "HOST_ONLY" not in os.environ:
    probe("egress", lambda: connect(IPV4, ("1.1.1.1", 443)))
    probe("egress by IPv6", lambda: connect(socket.AF_INET6, ("2606:4700:4700::1111", 443)))
    for gateway in ("10.0.0.1", "172.17.0.1", "192.168.0.1", "192.168.1.1"):
        probe("gateway " + gateway, lambda: connect(IPV4, (gateway, 80)))
    probe("metadata address", lambda: connect(IPV4, ("169.254.169.254", 80)))
    probe("DNS packet", lambda: send(("8.8.8.8", 53)))
    probe("DNS name", lambda: socket.getaddrinfo("example.com", 443)[0][4])
probe("host's loopback port", lambda: connect(IPV4, ("127.0.0.1", int(os.environ["HOST_PORT"]))))
probe("host's abstract socket", lambda: connect(socket.AF_UNIX, "\0" + os.environ["HOST_ABSTRACT"]))
probe("host's file", opens(os.environ["HOST_FILE"], os.O_RDONLY))
probe("room's folder", opens("/run/room", os.O_RDONLY))
for folder in ("/", "/usr", "/usr/bin", "/usr/local/bin", "/etc", "/dev", "/opt/sealroom/files", "/opt/sealroom/python", "/var"):
    probe("write " + folder, makes(os.path.join(folder, "probe-made")))
for path in ("/etc/shadow", "/root", "/home", "/sys", "/boot", "/proc/kcore", "/proc/kmsg", "/proc/1/root/run/room", "/proc/1/root/etc/shadow",
             "/sys/kernel", "/sys/fs/cgroup", "/algo"):
    probe("read " + path, opens(path, os.O_RDONLY))
for path in ("sys/kernel/core_pattern", "sys/kernel/hostname", "sys/vm/drop_caches", "sys/kernel/modprobe", "sys/fs/binfmt_misc/register", "sysrq-trigger", "1/oom_score_adj"):
    probe("write /proc/" + path, opens("/proc/" + path, os.O_WRONLY))
for device in ("kvm", "mem", "fuse", "net/tun", "vda", "sda", "vsock", "loop-control"):
    probe("device " + device, opens("/dev/" + device, os.O_RDWR))
probe("mount", lambda: libc.mount(b"x", b"/tmp", b"tmpfs", 0, None) == 0 or None)
probe("umount", lambda: libc.umount2(b"/tmp", 2) == 0 or None)
probe("mknod", lambda: os.mknod("/tmp/probe-null", 0o20666, os.makedev(1, 3)) or "made")
probe("chroot", lambda: os.chroot("/tmp") or "changed")
probe("pivot_root", lambda: call(155, 41, b"/tmp", b"/tmp"))
probe("fsopen", lambda: call(430, 430, b"tmpfs", 0))
probe("open_tree", lambda: call(428, 428, ctypes.c_long(-100), b"/", 1))
probe("bpf", lambda: call(321, 280, 5, ctypes.create_string_buffer(128), 128))
probe("io_uring", lambda: call(425, 425, 4, ctypes.create_string_buffer(128)))
probe("keyctl", lambda: call(250, 219, 0, ctypes.c_long(-3), 1))
probe("add_key", lambda: call(248, 217, b"user", b"probe", b"x", 1, ctypes.c_long(-1)))
probe("request_key", lambda: call(249, 218, b"user", b"probe", None, 0))
probe("userfaultfd", lambda: call(323, 282, 1))
probe("perf_event_open", lambda: call(298, 241, ctypes.create_string_buffer(128), 0, ctypes.c_long(-1), ctypes.c_long(-1), 0))
probe("name_to_handle_at", lambda: call(303, 264, ctypes.c_long(-100), b"/", ctypes.create_string_buffer(b"\x80\0\0\0" + bytes(252)), ctypes.create_string_buffer(8), 0))
probe("open_by_handle_at", lambda: call(304, 265, 0, ctypes.create_string_buffer(128), 0))
probe("process_vm_readv", lambda: call(310, 270, 1, None, 0, None, 0, 0))
probe("pidfd_getfd", pidfd_getfd)
probe("memfd_create", lambda: call(319, 279, b"x", 0))
probe("shmget", lambda: call(29, 194, 0, 4096, 0o1600))
probe("kexec_load", lambda: call(246, 104, 0, 0, None, 0))
probe("init_module", lambda: call(175, 105, None, 0, b""))
probe("personality", lambda: call(135, 92, 0x0040000))
probe("unshare", lambda: call(272, 97, 0x10000000))
probe("unshare network", lambda: call(272, 97, 0x40000000))
probe("clone", new_user_namespace)
probe("clone3", lambda: call(435, 435, ctypes.create_string_buffer(64), 0))
probe("setns", lambda: call(308, 268, os.open("/proc/self/ns/net", os.O_RDONLY), 0))
probe("setns of pid 1", lambda: call(308, 268, os.open("/proc/1/ns/net", os.O_RDONLY), 0))
probe("x32", foreign_abi)
probe("ptrace of pid 1", attach)
probe("terminal injection", terminal_injection)
probe("i386 call", i386_call)
probe("ptrace of a child", attach_to_child)
probe("ptrace of a sibling", attach_to_sibling)
probe("memory of pid 1", opens("/proc/1/mem", os.O_RDWR))
probe("memory of a sibling", sibling_memory)
probe("setuid programs", setuid_programs)
probe("core dump", core_dump)
probe("core limit", core_limit)
probe("signal beyond the sandbox", signal_host)
probe("AF_PACKET", makes_socket(17, socket.SOCK_DGRAM))
probe("AF_VSOCK", makes_socket(40, socket.SOCK_STREAM))
probe("AF_NETLINK", makes_socket(16, socket.SOCK_RAW, 0))
probe("AF_ALG", makes_socket(38, socket.SOCK_SEQPACKET))
probe("AF_KEY", makes_socket(15, socket.SOCK_RAW, 2))
probe("raw socket", makes_socket(IPV4, socket.SOCK_RAW, 1))
probe("setuid", lambda: os.setuid(0) or "root")
probe("limits", raise_limit)
probe("other processes", other_processes)
probe("status", status)
print(json.dumps(found))
