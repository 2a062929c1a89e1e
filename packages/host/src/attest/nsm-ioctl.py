"""Exchanges one message with the Nitro Secure Module: standard input to /dev/nsm, its answer to standard output.

The ioctl is NSM_IOCTL_RAW of linux/nsm.h: two buffers by address and length, the second one for the answer.
"""

import ctypes
import fcntl
import struct
import sys

LARGEST_REQUEST = 0x1000
LARGEST_ANSWER = 0x3000
NSM_IOCTL_RAW = 0xC0200A00  # _IOWR(0x0A, 0, 32 bytes)


def main() -> None:
    device = sys.argv[1] if len(sys.argv) > 1 else "/dev/nsm"
    request = sys.stdin.buffer.read(LARGEST_REQUEST + 1)
    if not 0 < len(request) <= LARGEST_REQUEST:
        sys.exit("the request is empty or too large")
    asked = ctypes.create_string_buffer(request, len(request))
    answer = ctypes.create_string_buffer(LARGEST_ANSWER)
    message = bytearray(
        struct.pack("QQQQ", ctypes.addressof(asked), len(request), ctypes.addressof(answer), LARGEST_ANSWER)
    )
    with open(device, "r+b", buffering=0) as file:
        fcntl.ioctl(file, NSM_IOCTL_RAW, message)
    length = struct.unpack("QQQQ", message)[3]
    sys.stdout.buffer.write(answer.raw[:length])


main()
