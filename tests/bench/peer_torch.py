#!/usr/bin/env python3
"""A training step of the digits MLP (64-128-10, batch 64) here and in PyTorch, in turn.

    peer_torch.py BUILD MODELS [PLACES [ROUNDS]]

Both sides get the batch from host memory at each step and read the loss back. Fluidrt runs
models/digits whole: LARS, decay, clipping by the global norm, a rate schedule. PyTorch runs
forward, backward and the LARS update alone, once step by step (eager), once as one CUDA
graph that is replayed: it does less work per step, so a ratio of 1 favours fluidrt.
fp32, TF32 off. Exit 77 without PyTorch or a GPU.
"""
import statistics
import subprocess
import sys
import time

try:
    import torch
except ImportError:
    print("skipped: no PyTorch")
    sys.exit(77)

WARM, SECONDS = 20, 0.3


class Fluidrt:
    """frt_bench_worker: one line asks, one answers with the median in us."""

    def __init__(self, build, models, places):
        self.process = subprocess.Popen([f"{build}/bin/frt_bench_worker", models, places],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline().strip() != "ready":
            sys.exit("the worker did not start")

    def microseconds(self):
        self.process.stdin.write(f"mlp seconds={SECONDS}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer.startswith("ok us="):
            sys.exit(f"the worker says: {answer}")
        return float(answer.split()[1][3:])

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Mlp:
    """The same network; LARS with momentum 0.9, coefficient 0.001, decay 0.0005."""

    def __init__(self, device, graph):
        torch.manual_seed(1)
        self.x_host = (torch.arange(64 * 64) % 17 / 16).reshape(64, 64).float()
        self.y_host = torch.zeros(64, dtype=torch.int64)
        if device.type == "cuda":
            self.x_host, self.y_host = self.x_host.pin_memory(), self.y_host.pin_memory()
        self.x, self.y = self.x_host.to(device), self.y_host.to(device)
        self.p = [torch.randn(s, device=device).mul_(0.1).requires_grad_()
                  for s in ((64, 128), (128,), (128, 10), (10,))]
        self.v = [torch.zeros_like(p) for p in self.p]
        self.graph = self.capture() if graph else None

    def update(self):
        w1, b1, w2, b2 = self.p
        hidden = torch.relu(torch.addmm(b1, self.x, w1))
        loss = torch.nn.functional.cross_entropy(torch.addmm(b2, hidden, w2), self.y)
        grads = torch.autograd.grad(loss, self.p)
        with torch.no_grad():
            for p, v, g in zip(self.p, self.v, grads):
                pn, gn = p.norm(), g.norm()
                local = torch.where((pn > 0) & (gn > 0), 1e-3 * pn / (gn + 5e-4 * pn), 1.0) * 0.1
                v.mul_(0.9).add_(local * (g + 5e-4 * p))
                p.sub_(v)
        return loss.detach()

    def capture(self):
        side = torch.cuda.Stream()
        with torch.cuda.stream(side):
            for _ in range(3):
                self.update()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self.loss = self.update()
        return graph

    def step(self):
        self.x.copy_(self.x_host, non_blocking=True)
        self.y.copy_(self.y_host, non_blocking=True)
        if self.graph is None:
            return self.update().item()
        self.graph.replay()
        return self.loss.item()

    def microseconds(self):
        for _ in range(WARM):
            self.step()
        times, end = [], time.perf_counter() + SECONDS
        while time.perf_counter() < end or len(times) < 5:
            began = time.perf_counter()
            self.step()
            times.append(time.perf_counter() - began)
        return statistics.median(times) * 1e6


def main():
    build, models = sys.argv[1:3]
    places = sys.argv[3] if len(sys.argv) > 3 else "cuda"
    rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 5
    on_gpu = places.startswith("cuda")
    if on_gpu and not torch.cuda.is_available():
        print("skipped: PyTorch finds no GPU")
        sys.exit(77)
    torch.backends.cuda.matmul.allow_tf32 = False
    device = torch.device("cuda" if on_gpu else "cpu")
    if not on_gpu:
        torch.set_num_threads(1)  # frt_bench_worker's default
    sides = {f"fluidrt {places}": Fluidrt(build, models, places),
             f"PyTorch {torch.__version__} eager": Mlp(device, False)}
    if on_gpu:
        try:
            sides["PyTorch, one CUDA graph"] = Mlp(device, True)
        except RuntimeError as why:
            print(f"PyTorch does not capture the step: {why}")
    seen = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            seen[name].append(side.microseconds())
    ours = list(sides)[0]
    sides[ours].close()
    for name, us in seen.items():
        ratios = [b / a for a, b in zip(seen[ours], us)]
        print(f"{name:30} {statistics.median(us):9.1f} us per step "
              f"({min(us):.1f} to {max(us):.1f}), {statistics.median(ratios):5.2f} x fluidrt's")


main()
