"""Golden numbers of NF4 quantization, for src/model/packed/nf4.rs.

    pip install numpy
    python tests/golden/nf4.py > tests/golden/nf4.json      (made with numpy 2.x)

NF4 as in Dettmers et al. 2023 and bitsandbytes 0.46 (`create_normal_map`, `quantize_4bit`, `dequantize_4bit`):
levels at quantiles of the normal distribution; codes by the midpoints between levels, two a byte, the first in the
high half. Blocks are 64 numbers of a row, the last may be shorter, and scales are rounded to half precision.
"""

import json
from statistics import NormalDist

import numpy as np

# As bitsandbytes publishes them (bitsandbytes.functional.get_4bit_type("nf4")).
PUBLISHED = np.array([
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
    -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
    0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0], dtype=np.float32)
ROWS, COLUMNS, BLOCK = 3, 165, 64


def quantiles(offset=0.9677083):
    ppf = NormalDist().inv_cdf
    upper = [ppf(p) for p in np.linspace(offset, 0.5, 9)[:-1]]
    lower = [-ppf(p) for p in np.linspace(offset, 0.5, 8)[:-1]]
    levels = np.array(sorted(upper + [0.0] + lower))
    return levels / np.abs(levels).max()


values = np.random.default_rng(1).standard_normal((ROWS, COLUMNS)).astype(np.float32) * np.float32(0.05)
values[1, :64] = 0  # a block without a size
middles = (PUBLISHED[1:] + PUBLISHED[:-1]) / np.float32(2)
codes, scales, back = [], [], np.zeros_like(values)
for row in range(ROWS):
    numbers = np.zeros(COLUMNS, dtype=np.int64)
    for start in range(0, COLUMNS, BLOCK):
        block = values[row, start:start + BLOCK]
        scale = np.float16(np.abs(block).max())
        scales.append(int(scale.view(np.uint16)))
        scale = np.float32(scale)
        inverse = np.float32(1) / scale if scale > 0 else np.float32(0)
        number = (block[:, None] * inverse > middles[None, :]).sum(1)
        numbers[start:start + BLOCK] = number
        back[row, start:start + BLOCK] = PUBLISHED[number] * scale
    # A last single code shares its byte with a zero's.
    padded = np.append(numbers, [7] * (COLUMNS % 2))
    codes += [int(high << 4 | low) for high, low in padded.reshape(-1, 2)]

floats = lambda array: [float(value) for value in np.asarray(array, dtype=np.float32).ravel()]
print(json.dumps({
    "published": floats(PUBLISHED), "quantiles": floats(quantiles()), "shape": [ROWS, COLUMNS],
    "values": floats(values), "codes": codes, "scales": scales, "back": floats(back)}))
