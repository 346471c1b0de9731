"""Makes tests/golden/paper/indicators.json: what TA-Lib itself computes of four made-up series.

Usage: python make_indicators.py FILE   (made with TA-Lib 0.8.2 for Python, TA-Lib 0.8.1, numpy 2)

Every value is rounded to a 32-bit float, as policies see it; the file holds a SHA-256 over the bits
of each output and the bits of every fiftieth value.
"""
import hashlib
import json
import sys

import numpy as np
import talib

MASK = (1 << 64) - 1
WARM_UP = 33
BARS = 2000


def mix(number):
    number = (number + 0x9E3779B97F4A7C15) & MASK
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & MASK
    return number ^ (number >> 31)


def part(seed, place):
    return float(mix((mix(seed) + place) & MASK) >> 32) / 4294967295.0


def series(seed, price, spread, flat):
    high, low, close = [], [], []
    for bar in range(BARS):
        before = price
        if not (flat and bar % 100 >= 70):
            price = price * (1.0 + (part(seed, bar * 4) - 0.5) * spread)
        top, bottom = max(before, price), min(before, price)
        if not (flat and bar % 100 >= 70):
            top = top * (1.0 + part(seed, bar * 4 + 1) * spread)
            bottom = bottom * (1.0 - part(seed, bar * 4 + 2) * spread * 0.5)
        high.append(top)
        low.append(bottom)
        close.append(price)
    return np.array(high), np.array(low), np.array(close)


SERIES = [(1, 100.0, 0.02, False), (2, 1e-5, 0.05, False), (3, 40.0, 0.01, True), (4, 99000.0, 0.1, True)]


def main(file):
    rows = []
    for seed, price, spread, flat in SERIES:
        high, low, close = series(seed, price, spread, flat)
        macd, signal, histogram = talib.MACD(close, fastperiod=12, slowperiod=26, signalperiod=9)
        outputs = {
            "macd": macd,
            "macd_signal": signal,
            "macd_hist": histogram,
            "rsi": talib.RSI(close, timeperiod=14),
            "cci": talib.CCI(high, low, close, timeperiod=14),
            "dx": talib.DX(high, low, close, timeperiod=14),
        }
        found = {}
        for name, values in outputs.items():
            bits = values[WARM_UP:].astype("<f4")
            found[name] = {
                "sha256": hashlib.sha256(bits.tobytes()).hexdigest(),
                "samples": [int(bit) for bit in bits[::50].view("<u4")],
            }
        rows.append({"seed": seed, "price": price, "spread": spread, "flat": flat, "outputs": found})
    text = json.dumps({"bars": BARS, "series": rows}, separators=(",", ":"))
    with open(file, "w") as out:
        out.write(text.replace('},"', '},\n"').replace('{"seed"', '\n{"seed"') + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
