"""A worker that writes numbered lines at a steady pace and keeps to itself how long a write took.

    writer.py MEGABYTES_PER_SECOND SECONDS REPORT
"""

import json
import os
import sys
import time

LINE, LINES = 100, 100


def main():
    pace, seconds, report = float(sys.argv[1]) * 1e6, float(sys.argv[2]), sys.argv[3]
    begun, written, longest = time.monotonic(), 0, 0.0
    while time.monotonic() - begun < seconds:
        block = "".join(f"line {written + number:012d} ".ljust(LINE - 1, ".") + "\n"
                        for number in range(LINES)).encode()
        began = time.monotonic()
        while block:
            block = block[os.write(1, block):]
        longest = max(longest, time.monotonic() - began)
        written += LINES
        ahead = written * LINE / pace - (time.monotonic() - begun)
        if ahead > 0:
            time.sleep(ahead)
    with open(report + ".new", "w") as file:
        json.dump({"written": written, "longest_milliseconds": longest * 1000}, file)
    os.rename(report + ".new", report)
    time.sleep(1_000_000)


main()
