#!/usr/bin/env python3
"""check.py MAKER FLUIDRT SOURCES [--recorded] [CASE...]: programs built in C, run by
PaddlePaddle 1.8.5 and by fluidrt on the same parameters and feeds, and compared.

--recorded takes the recorded answers of Paddle 1.8.5 (tests/golden) in Paddle's place, so
that everything but Paddle itself is tested where Paddle is not installed; it also spoils
one number and expects that to be noticed. Without it, FLUIDRT_PADDLE_PYTHON names the
interpreter that has Paddle (default: this one). Exit status 77: Paddle is not there."""
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile

import npy
import wire

HERE = os.path.dirname(os.path.abspath(__file__))


class Recorded:
    """A recorded case: its feeds, fetches, tolerance; parameters and answers."""

    def __init__(self, sources, name):
        self.zip = zipfile.ZipFile(os.path.join(sources, "tests", "golden", name + ".zip"))
        self.members = {m.split(name + "/", 1)[-1]: m for m in self.zip.namelist()}
        self.case = json.loads(self.read("case.json").decode())
        self.step = self.case["steps"][0]

    def read(self, member):
        return self.zip.read(self.members[member])

    def plain(self):
        """Whether the first step is a plain run of the main program, and no quirk."""
        return (self.step.get("program", "main") == "main" and not self.step["use_prune"]
                and not self.step.get("minimize_ops_in_fetch")
                and not self.case.get("reference_quirk"))

    def put(self, folder, member, variable):
        if not os.path.isdir(folder):
            os.makedirs(folder)
        with open(os.path.join(folder, npy.file_name(variable)), "wb") as f:
            f.write(self.read(member + "/" + npy.file_name(variable)))

    def prepare(self, folder):
        os.makedirs(os.path.join(folder, "init"))
        for name in self.step["feeds"]:
            self.put(os.path.join(folder, "feed"), "step_000/feed", name)
        with open(os.path.join(folder, "job.json"), "w") as f:
            json.dump({"feeds": self.step["feeds"], "fetches": self.step["fetches"]}, f)

    def answer(self, folder):
        """What paddle_side.py would have left there."""
        for name in self.case["persistables"]:
            self.put(os.path.join(folder, "init"), "init", name)
        for name in self.step["fetches"]:
            self.put(os.path.join(folder, "paddle"), "step_000/fetch", name)


class Unrecorded:
    """A network of make_programs.c that nobody recorded: only Paddle itself can answer."""

    BRANCHES = ["mean_0.tmp_0", "fc_0.w_0@GRAD", "fc_0.b_0@GRAD", "fc_1.w_0@GRAD",
                "fc_2.w_0@GRAD", "fc_3.w_0@GRAD", "fc_0.w_0", "fc_1.w_0", "fc_3.w_0"]
    X = ("<f4", (3, 4), [0.5, -1.0, 2.0, 0.25, 1.5, -0.75, 3.0, 1.0, -2.0, 0.125, 1.0, 4.0])
    JOBS = {"unrecorded_branch_taken": ({"x": X, "flag": ("|b1", (1,), [True])}, BRANCHES),
            "unrecorded_branch_other": ({"x": X, "flag": ("|b1", (1,), [False])}, BRANCHES)}

    def __init__(self, name):
        self.feeds, fetches = self.JOBS[name]
        self.step = {"feeds": sorted(self.feeds), "fetches": fetches}
        self.case = {"tolerance": {"rtol": 1e-5, "atol_of_max": 1e-5, "atol_floor": 1e-12}}

    def plain(self):
        return True

    def prepare(self, folder):
        os.makedirs(os.path.join(folder, "init"))
        os.makedirs(os.path.join(folder, "feed"))
        for name, array in self.feeds.items():
            npy.save(os.path.join(folder, "feed", npy.file_name(name)), *array)
        with open(os.path.join(folder, "job.json"), "w") as f:
            json.dump(self.step, f)


def run_fluidrt(fluidrt, folder, step):
    words = [fluidrt, "run", "-q", "-p", "reference", os.path.join(folder, "main.pdmodel"),
             "--scope-in=" + os.path.join(folder, "init"),
             "--out=" + os.path.join(folder, "fluidrt")]
    for name in step["feeds"]:
        words.append("--feed=%s=%s" % (name, os.path.join(folder, "feed",
                                                          npy.file_name(name))))
    words += ["--fetch=" + name for name in sorted(set(step["fetches"]))]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return "" if done.returncode == 0 else done.stderr.decode().strip()


def close(got, want, tolerance, largest):
    if isinstance(want, float):
        if math.isnan(want) or math.isnan(got):
            return math.isnan(want) and math.isnan(got)
        if math.isinf(want) or math.isinf(got):
            return got == want
        limit = (tolerance["rtol"] * abs(want) + tolerance["atol_of_max"] * largest +
                 tolerance["atol_floor"])
        return abs(got - want) <= limit
    return got == want


def compare(name, got, want, tolerance):
    """"" or the first difference of two arrays."""
    own = tolerance.get("per_variable", {}).get(name)
    tolerance = dict(tolerance, **own) if isinstance(own, dict) else tolerance
    if got[:2] != want[:2]:
        return "%s: %s %s; wanted %s %s" % (name, got[0], got[1], want[0], want[1])
    finite = [abs(v) for v in want[2] if not (isinstance(v, float) and
                                              (math.isnan(v) or math.isinf(v)))]
    largest = max(finite) if finite else 0
    for i, (a, b) in enumerate(zip(got[2], want[2])):
        if not close(a, b, tolerance, largest):
            return "%s[%d]: %r; wanted %r" % (name, i, a, b)
    return ""


def judge(folder, step, tolerance):
    for name in step["fetches"]:
        file = npy.file_name(name)
        try:
            got = npy.load(os.path.join(folder, "fluidrt", file))
            want = npy.load(os.path.join(folder, "paddle", file))
        except (IOError, OSError) as e:
            return str(e)
        said = compare(name, got, want, tolerance)
        if said:
            return said
    return ""


def spoil(folder, step):
    """Moves one number of Paddle's answer by a tenth."""
    path = os.path.join(folder, "paddle", npy.file_name(step["fetches"][0]))
    descr, shape, values = npy.load(path)
    values[0] = values[0] * 1.1 + 0.1 if isinstance(values[0], float) else values[0] + 1
    npy.save(path, descr, shape, values)


def check_wire(sources, folder):
    with open(os.path.join(sources, "proto", "program.proto")) as f:
        messages = wire.parse_proto(f.read())
    for file in ("startup.pdmodel", "main.pdmodel"):
        with open(os.path.join(folder, file), "rb") as f:
            problems = wire.check(messages, "ProgramDesc", f.read())
        if problems:
            return "%s: %s" % (file, problems[0])
    return ""


def paddle_runs(work):
    """Whether Paddle ran every case below `work`; ends here if there is no Paddle."""
    python = os.environ.get("FLUIDRT_PADDLE_PYTHON", sys.executable)
    done = subprocess.run([python, os.path.join(HERE, "paddle_side.py"), work])
    if done.returncode == 77:
        sys.exit(77)
    return done.returncode == 0


def check_case(fluidrt, sources, folder, recorded):
    return (check_wire(sources, folder) or
            run_fluidrt(fluidrt, folder, recorded.step) or
            judge(folder, recorded.step, recorded.case["tolerance"]))


def prepare(maker, sources, work, names, from_record):
    made = subprocess.run([maker, work] + names, stdout=subprocess.PIPE, check=True)
    cases = {}
    for name in made.stdout.decode().split():
        unrecorded = name in Unrecorded.JOBS
        recorded = Unrecorded(name) if unrecorded else Recorded(sources, name)
        if recorded.plain() and not (unrecorded and from_record):
            recorded.prepare(os.path.join(work, name))
            cases[name] = recorded
        else:
            said = check_wire(sources, os.path.join(work, name))
            if said:
                raise SystemExit("%s: %s" % (name, said))
            shutil.rmtree(os.path.join(work, name))
    return cases


def main():
    words = [w for w in sys.argv[1:] if w != "--recorded"]
    maker, fluidrt, sources = words[:3]
    from_record = "--recorded" in sys.argv
    work = tempfile.mkdtemp(prefix="fluidrt-paddle-")
    failed = 0
    try:
        if not from_record:
            paddle_runs(work)
        cases = prepare(maker, sources, work, words[3:], from_record)
        if from_record:
            for name, recorded in cases.items():
                recorded.answer(os.path.join(work, name))
        else:
            failed += not paddle_runs(work)
        for name, recorded in sorted(cases.items()):
            said = check_case(fluidrt, sources, os.path.join(work, name), recorded)
            failed += bool(said)
            print("%s %s%s" % ("DIFFERENT" if said else "same     ", name,
                               ": " + said if said else ""))
        if from_record and cases:
            name = sorted(cases)[0]
            spoil(os.path.join(work, name), cases[name].step)
            if not judge(os.path.join(work, name), cases[name].step,
                         cases[name].case["tolerance"]):
                print("NOT NOTICED: a spoilt number of %s" % name)
                failed += 1
    finally:
        shutil.rmtree(work)
    print("%d programs built in C, run by %s and by fluidrt: %d differ" %
          (len(cases), "Paddle 1.8.5 (recorded)" if from_record else "Paddle", failed))
    sys.exit(1 if failed or not cases else 0)


if __name__ == "__main__":
    main()
