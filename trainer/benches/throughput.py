"""Training steps of `framecast-train` beside the same network in PyTorch, on one thread each.

    python trainer/benches/throughput.py target/release/framecast-train [nano|nano-direct ...]
        [--device cpu --device tch] [--rounds 5]

Rounds of all of them take turns, so that a machine that gets slower slows all alike; what is compared
are medians. Needs `torch`; everything is on the CPU. Data are ready before the clock starts, a step is
forward, backward, clipping, AdamW and the average of the weights.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import time

import torch
import torch.nn.functional as F

HERE = pathlib.Path(__file__).parent
STEPS = 6  # of each round


def conv(inputs, outputs, side, stride=1):
    return torch.nn.Conv2d(inputs, outputs, side, stride, side // 2 if stride == 1 else 0)


class Nano(torch.nn.Module):
    """`net/blend.rs`: a linear map beside a trunk of 3x3 convolutions, and the mixture."""

    BATCH, SIDE = 16, 96

    def __init__(self, width=32, blocks=3):
        super().__init__()
        self.prior, self.stem, self.head = conv(40, 5, 1), conv(40, width, 3), conv(width, 5, 1)
        self.blocks = torch.nn.ModuleList(conv(width, width, 3) for _ in range(blocks))
        torch.nn.init.zeros_(self.head.weight)
        self.register_buffer("grow", self.interpolation(self.SIDE // 8, self.SIDE))

    def data(self):
        n, side = self.BATCH, self.SIDE
        return (
            torch.rand(n, 40, side // 8, side // 8),
            [torch.rand(n, 3, side, side) for _ in range(5)],
            torch.rand(n, 3, side, side),
        )

    @staticmethod
    def interpolation(blocks, pixels):
        matrix = torch.zeros(pixels, blocks)
        for pixel in range(pixels):
            block, inside = divmod(pixel, 8)
            if inside < 4:
                other, lean = max(block - 1, 0), 7 - 2 * inside
            else:
                other, lean = min(block + 1, blocks - 1), 2 * inside - 7
            matrix[pixel, block] += 1 - lean / 16
            matrix[pixel, other] += lean / 16
        return matrix

    def loss(self, data):
        features, candidates, target = data
        x = F.relu(self.stem(features))
        for block in self.blocks:
            x = F.relu(block(x) + x)
        weights = torch.softmax(self.prior(features) + self.head(x), 1)
        weights = self.grow @ weights @ self.grow.T
        mixed = sum(weights[:, k : k + 1] * c for k, c in enumerate(candidates))
        return loss(mixed, target)


class NanoDirect(torch.nn.Module):
    """`net/direct.rs`: frames and a gated memory in, seven numbers a pixel out."""

    BATCH, SIDE, FRAMES = 8, 64, 8

    def __init__(self, fine=32, coarse=48, blocks=3):
        super().__init__()
        self.stem, self.down = conv(9, fine, 4, 4), conv(fine, coarse, 2, 2)
        self.recall = conv(1, coarse, 8, 8)
        self.blocks = torch.nn.ModuleList(conv(coarse, coarse, 3) for _ in range(blocks))
        self.gate, self.write, self.up = conv(coarse, 64, 1), conv(coarse, 64, 1), conv(coarse, 4 * fine, 1)
        self.mix, self.head = conv(fine, 48, 3), conv(48, 7 * 16, 1)
        torch.nn.init.zeros_(self.head.weight)
        smooth = torch.tensor([1.0, 4, 6, 4, 1]) / 16
        slope = torch.tensor([-1.0, -2, 0, 2, 1]) / 8
        blur = smooth[:, None] * smooth
        blur[2, 2] -= 1
        bank = torch.stack([blur, smooth[:, None] * slope, slope[:, None] * smooth])
        self.register_buffer("bank", bank[:, None])

    def data(self):
        return [torch.rand(self.BATCH, 3, self.SIDE, self.SIDE) for _ in range(self.FRAMES + 1)]

    def step(self, frame, last, expected, memory):
        fine = F.relu(self.stem(torch.cat([frame - 0.5, (frame - last) * 4, (frame - expected) * 4], 1)))
        x = F.relu(self.down(fine) + self.recall(memory))
        for block in self.blocks:
            x = F.relu(block(x) + x)
        gate = F.pixel_shuffle((self.gate(x) * 0.2 + 0.5).clamp(0, 1), 8)
        memory = memory + gate * (F.pixel_shuffle(self.write(x).clamp(-1, 1), 8) - memory)
        mixed = F.relu(self.mix(F.relu(fine + F.pixel_shuffle(self.up(x), 2))))
        controls = F.pixel_shuffle(self.head(mixed), 4)
        steady = frame + controls[:, 3:4].clamp(-0.25, 1) * (expected - frame)
        n, c, h, w = steady.shape
        bank = F.conv2d(steady.reshape(n * c, 1, h, w), self.bank, padding=2).reshape(n, c, 3, h, w)
        filtered = (bank * controls[:, None, 4:]).sum(2)
        return (steady + filtered + controls[:, :3]).clamp(0, 1), memory

    def loss(self, frames):
        last = expected = frames[0]
        memory, total = torch.zeros_like(last[:, :1]), 0
        for frame, target in zip(frames, frames[1:]):
            expected, memory = self.step(frame, last, expected, memory)
            last = frame
            total = total + loss(expected, target)
        return total / self.FRAMES


def loss(prediction, target):
    """`perceptual = 1.0` and `log_mse = 0.05`, the default of recipes."""
    error = prediction - target
    red = (prediction[:, :1] + target[:, :1]) * (255 / 2)
    squares = (error * 255) ** 2
    total = squares[:, :1] * (red / 256 + 2) + squares[:, 1:2] * 4 + squares[:, 2:] * (767 / 256 - red / 256)
    distance = (total + 1).sqrt().mean() / 255
    return distance + 0.05 * ((error * error).mean((1, 2, 3)) + 1e-6).log().mean()


class Torch:
    def __init__(self, network):
        self.net = {"nano": Nano, "nano-direct": NanoDirect}[network]()
        self.rows = self.net.data()
        self.optimiser = torch.optim.AdamW(self.net.parameters(), 2e-3, (0.9, 0.99), weight_decay=1e-4)
        self.average = [p.detach().clone() for p in self.net.parameters()]

    def seconds(self):
        times = []
        for step in range(STEPS + 2):
            start = time.perf_counter()
            self.optimiser.zero_grad()
            self.net.loss(self.rows).backward()
            torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
            self.optimiser.step()
            torch._foreach_lerp_(self.average, [p.detach() for p in self.net.parameters()], 0.005)
            if step >= 2:
                times.append(time.perf_counter() - start)
        return times


def ours(program, network, device):
    command = [program, "throughput", HERE / f"{network}.toml", "--device", device]
    told = subprocess.run([*command, "--rounds", str(STEPS), "--json"], capture_output=True, check=True)
    return json.loads(told.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("networks", nargs="*", default=["nano", "nano-direct"])
    parser.add_argument("--device", action="append")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    devices = arguments.device or ["cpu"]
    for variable in ["OMP_NUM_THREADS", "MKL_NUM_THREADS"]:
        os.environ[variable] = "1"
    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    print(f"torch {torch.__version__}, one thread each, {arguments.rounds} rounds of {STEPS} batches\n")
    print("| network | parameters | where | sequences/s | median | of PyTorch |")
    print("|---|---|---|---|---|---|")
    for network in arguments.networks:
        peer = Torch(network)
        parameters = sum(p.numel() for p in peer.net.parameters())
        times = {name: [] for name in ["PyTorch", *devices]}
        for _ in range(arguments.rounds):
            times["PyTorch"] += peer.seconds()
            for device in devices:
                told = ours(arguments.program, network, device)
                assert told["parameters"] == parameters, (told["parameters"], parameters)
                times[device] += told["seconds"]
        reference = statistics.median(times["PyTorch"])
        for name, list in times.items():
            median = statistics.median(list)
            batch = peer.net.BATCH
            print(
                f"| `{network}` | {parameters} | {name} | {batch / median:.2f} | {median * 1e3:.1f} ms "
                f"| {reference / median:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
