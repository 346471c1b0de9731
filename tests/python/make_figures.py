"""Makes tests/golden/paper/figures.json: what QuantStats says of two made-up accounts.

Usage: python make_figures.py FILE   (made with QuantStats 0.0.86)

The figures agree where the definitions do: returns of daily closes, 365 days a year, no risk-free
rate, the first close counted as a peak. QuantStats' own default of 252 days is for shares.
"""
import json
import random
import sys

import pandas as pd
import quantstats as qs

rows = []
for seed, drift, days in [(1, 0.001, 90), (2, -0.002, 400)]:
    chance, worth, closes = random.Random(seed), 1000.0, []
    for _ in range(days):
        closes.append(worth)
        worth *= 1.0 + drift + chance.gauss(0.0, 0.02)
    prices = pd.Series(closes, index=pd.date_range("2024-01-01", periods=days, freq="D"))
    returns = prices.pct_change().dropna()
    drawdown = float((prices / prices.cummax() - 1.0).min())
    assert abs(drawdown - float(qs.stats.max_drawdown(prices))) < 1e-12
    cagr = float(qs.stats.cagr(returns, periods=365))
    rows.append({
        "closes": closes,
        "sharpe": float(qs.stats.sharpe(returns, periods=365)),
        "sortino": float(qs.stats.sortino(returns, periods=365)),
        "volatility": float(qs.stats.volatility(returns, periods=365)),
        "cagr": cagr,
        "max_drawdown": -drawdown,
        "calmar": cagr / -drawdown,
    })
with open(sys.argv[1], "w") as out:
    json.dump(rows, out)
    out.write("\n")
