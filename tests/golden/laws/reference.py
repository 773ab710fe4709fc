"""Reference fits for tests/laws_reference.rs: points of each law with noise, fitted with scipy.

    pip install numpy==2.4.6 scipy==1.17.1
    python tests/golden/laws/reference.py

writes reference.json beside this file. The formulas stand here a second time, from the papers and not from the crate.
Minimised is the sum over points of Huber's loss (delta 0.001) of ln(predicted) - ln(loss), from many starts, with delta
brought down in steps and a simplex search at the end. Parameters are written as the crate's `FittedLaw::theta` has them:
amounts as logarithms, the constant E and exponents as they are.
"""

import json
from pathlib import Path

import numpy as np
from scipy.optimize import least_squares, minimize

DELTA = 1e-3
FREE = np.inf
rng = np.random.default_rng(11)


def power(t, p):
    return np.exp(t[0] - t[1] * np.log(p["d"]))


def power_constant(t, p):
    return np.exp(t[0] - t[2] * np.log(p["d"])) + t[1]


def rectified(t, p):
    return np.exp(t[0]) / (np.exp(t[1]) + p["d"] ** t[3]) + t[2]


def multiplicative(t, p):
    return np.exp(t[0]) * p["n"] ** -t[2] * p["d"] ** -t[3] + t[1]


def additive(t, p):
    return np.exp(t[0]) * p["n"] ** -t[3] + np.exp(t[1]) * p["d"] ** -t[4] + t[2]


def repeated(t, p):
    """Muennighoff et al. 2023, equation 5; constants of their appendix A."""
    a, b, e, alpha = np.exp(6.255414), np.exp(7.3049974), np.exp(0.6254804), 0.3526596
    r_d, r_n = np.exp(t[0]), np.exp(t[1])
    unique = np.minimum(p["unique"], p["d"])
    suited = np.minimum((a / b) ** (1 / alpha) * unique, p["n"])
    d = unique + unique * r_d * -np.expm1(-(p["d"] / unique - 1) / r_d)
    n = suited + suited * r_n * -np.expm1(-(p["n"] / suited - 1) / r_n)
    return a / n**alpha + b / d**alpha + e


def shared(t, p):
    at = 2 + 2 * p["factor_index"]
    return np.exp(t[at]) * p["n"] ** -t[at + 1] * p["d"] ** -t[0] + t[1]


def sizes(count, runs=1, low=64.0):
    return np.repeat(low * 2.0 ** np.arange(count), runs)


def grid(ns, ds):
    n, d = np.meshgrid(ns, ds, indexing="ij")
    return {"n": n.ravel(), "d": d.ravel()}


def shared_points():
    parts = [grid(low * 4.0 ** np.arange(4), 1e4 * 4.0 ** np.arange(5)) for low in (1e9, 1e10, 4.0)]
    return {
        "n": np.concatenate([p["n"] for p in parts]),
        "d": np.concatenate([p["d"] for p in parts]),
        "factor_index": np.repeat([0, 1, 2], 20),
    }


def repeated_points():
    points = [(n, u * e, u) for n in (1e8, 4e8, 2e9) for u in (1e9, 4e9) for e in (1, 2, 4, 10, 30)]
    n, d, unique = np.array(points).T
    return {"n": n, "d": d, "unique": unique}


MODELS, TOKENS = 1e6 * 4.0 ** np.arange(5), 1e6 * 4.0 ** np.arange(6)
# name, formula, points, truth, noise, bounds of each parameter, spread of the starts
CASES = [
    ("power", power, {"d": sizes(7, 2)}, [2.0, 0.2], 0.01, [(-20, 60), (0, 3)]),
    ("power-constant", power_constant, {"d": sizes(9)}, [2.5, 1.0, 0.4], 0.005, [(-20, 60), (0, 20), (0, 3)]),
    ("power-constant", power_constant, {"d": sizes(7, 3)}, [1.6, 0.0, 0.1], 0.02, [(-20, 60), (0, 20), (0, 3)]),
    ("rectified", rectified, {"d": sizes(12)}, [5.0, 3.5, 0.8, 0.6], 0.004, [(-20, 60), (-15, 60), (0, 20), (0, 4)]),
    ("multiplicative", multiplicative, grid(MODELS, TOKENS), [7.0, 0.9, 0.25, 0.2], 0.01,
     [(-20, 60), (0, 20), (-1, 3), (0, 3)]),
    ("additive", additive, grid(MODELS, TOKENS), [5.0, 5.5, 1.5, 0.32, 0.34], 0.01,
     [(-20, 60), (-20, 60), (0, 20), (0, 3), (0, 3)]),
    ("repeated", repeated, repeated_points(), [2.7, 1.6], 0.003, [(-5, 12), (-5, 12)]),
    ("shared", shared, shared_points(), [0.15, 0.75, 7.1, 0.32, 4.1, 0.2, 1.1, 0.01], 0.005,
     [(0, 3), (0, 20)] + 3 * [(-20, 60), (-1, 3)]),
]  # fmt: skip


def objective(residuals):
    size = np.abs(residuals)
    return np.where(size <= DELTA, 0.5 * size**2, DELTA * (size - 0.5 * DELTA)).sum()


def fit(formula, points, truth, bounds):
    low, high = np.array(bounds, dtype=float).T

    def residuals(t):
        with np.errstate(all="ignore"):
            return np.nan_to_num(np.log(formula(np.clip(t, low, high), points)) - points["ln_loss"], nan=1e3, posinf=1e3)

    best, least = None, FREE
    for start in range(60):
        t = np.clip(truth + rng.normal(size=len(truth)) * 0.3 * (start > 0) * (0.1 + np.abs(truth)), low, high)
        for delta in (0.1, 0.01, DELTA):
            t = np.clip(t, low + 1e-9, high - 1e-9)
            t = least_squares(residuals, t, bounds=(low, high), loss="huber", f_scale=delta, x_scale="jac",
                              xtol=1e-15, ftol=1e-15, gtol=1e-15, max_nfev=2000).x  # fmt: skip
        if objective(residuals(t)) < least:
            best, least = t, objective(residuals(t))
    for _ in range(20):
        options = {"xatol": 1e-13, "fatol": 1e-16, "maxiter": 20000, "maxfev": 20000, "adaptive": True}
        t = minimize(lambda t: objective(residuals(t)), best, method="Nelder-Mead", options=options).x
        if not objective(residuals(t)) < least * (1 - 1e-10):
            break
        best, least = t, objective(residuals(t))
    best = np.clip(best, low, high)
    return best, objective(residuals(best))


def main():
    written = []
    for name, formula, points, truth, noise, bounds in CASES:
        truth = np.array(truth)
        loss = formula(truth, points) * np.exp(noise * rng.normal(size=len(points["d"])))
        loss = np.array([float(f"{value:.6g}") for value in loss])
        theta, least = fit(formula, points | {"ln_loss": np.log(loss)}, truth, bounds)
        columns = {key: [float(v) for v in points[key]] for key in ("d", "n", "unique") if key in points}
        if "factor_index" in points:
            columns["factor"] = ["abc"[i] for i in points["factor_index"]]
        columns["loss"] = [float(v) for v in loss]
        written.append({"law": name, "points": columns, "theta": [float(v) for v in theta], "objective": float(least)})
        print(f"{name:>16} {len(loss)} points, objective {least:.10e}, theta {np.round(theta, 4)}, truth {truth}")
    text = "[\n" + ",\n".join(json.dumps(case) for case in written) + "\n]\n"
    Path(__file__).with_name("reference.json").write_text(text)


main()
