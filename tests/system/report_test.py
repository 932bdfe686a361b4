"""trireme report in a headless Chromium: of a run that was killed and resumed in another layout, of a sweep, of somebody's
own program with hostile names and texts. What the page shows is compared with the files of the runs; nothing that a run
says is executed, nothing leaves the page, and axe finds nothing that keeps people out."""

import glob
import json
import math
import os
import shutil
import signal
import sys

from support import (SOURCE, Workspace, attempts, check, make_data, metrics, run_file, say, session_processes, step_lines,
                     tiny_model, wait_until)

sys.path.insert(0, os.path.join(SOURCE, "tests", "support"))
from browser import Browser  # noqa: E402

STEPS, KILLED_AFTER = 40, 23
HOSTILE = "<img src=x onerror=\"document.title='OWNED'\">"
ENDS = "</script><script>document.title='OWNED'</script>"
WEIRD = "<!--<script>\u2028\u2029\u202e\x1b[31m&amp;&lt;"
BOX = "(r => [r.left, r.top, r.width, r.height])(document.querySelector('.overlay').getBoundingClientRect())"
AXE = glob.glob(os.path.join(os.environ["TRIREME_VENV"], "lib", "python3*", "site-packages", "axe_playwright_python",
                             "axe.min.js"))


def make_runs(space):
    """runs/main: killed, then resumed in another layout. runs/other: another learning rate."""
    make_data(space, words=4000)
    sections = {"model": tiny_model(layers=2), "data": {"train": "data.h5", "valid": "data.valid.h5"},
                "train": {"steps": STEPS, "global_batch": 8, "micro_batch": 2}, "checkpoint": {"every_steps": 10},
                "log": {"valid_every_steps": 10, "valid_samples": 8}}
    space.write("main.ini", run_file("main", **sections))
    space.write("other.ini", run_file("other", **sections, optimizer={"lr": 0.01}))
    job = space.start("train", "main.ini", STEP_SECONDS=0.05)
    file = space / "runs/main/metrics.jsonl"
    wait_until(lambda: os.path.exists(file) and len(step_lines(space / "runs/main")) >= KILLED_AFTER, job, "the middle")
    for process in session_processes(job):
        os.kill(process, signal.SIGKILL)
    job.wait()
    space.must("train", "main.ini", "--parallel.pp=2", ranks=2)
    space.must("train", "other.ini")


def make_sweep(space):
    space.write("lr.ini", run_file("lr", model=tiny_model(layers=2), data={"train": "data.h5", "valid": "data.valid.h5"},
                                   train={"steps": 8, "global_batch": 8, "micro_batch": 4}, log={"valid_samples": 8},
                                   sweep={"min_steps": 2, "reduction": 2, "optimizer.lr": "1e-4, 1e-3, 1e-2, 1e30"}))
    space.must("sweep", "run", "lr.ini", "--workers", "1")


def make_program(space):
    """A program whose run, fields, texts and ledger are as bad as they can be."""
    lines = [{"step": step, "loss": 3 / step, "test/accuracy": step / 100, HOSTILE: step, ENDS: 2 * step, WEIRD: 3 * step}
             for step in range(1, 31)]
    lines[9]["loss"] = math.nan
    lines.append({"step": 30, "sample_prompt": ENDS + WEIRD, "sample_text": HOSTILE + "\nsecond line"})
    text = "".join(json.dumps(line) + "\n" for line in lines)
    text += '{"step": 12, "loss": \n' + '{"step": 31, "loss": 0.5, "torn'
    space.write("metrics.txt", text)
    space.write("program.ini", f"[run]\nname = mine\n[program]\ncommand = cat metrics.txt > $TRIREME_RUN_DIR/metrics.jsonl\n"
                               f"params = note = \"{ENDS}\"\n")
    space.must("train", "program.ini")
    name = f"a{HOSTILE.replace('/', '')}&amp;\u202eb\u2028"
    os.rename(space / "runs/mine", space / f"runs/{name}")
    with open(space / f"runs/{name}/attempts.jsonl", encoding="utf-8") as file:
        start = json.loads(file.readline())
    health = {"event": "health", "attempt": 1, "time": start["time"], "kind": "spike", "action": "named", "step": 3,
              "message": f"{ENDS}{HOSTILE}"}
    with open(space / f"runs/{name}/attempts.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps(health) + "\n")
    return f"runs/{name}"


def make_diverged(space):
    """A run that diverged and was killed: no tokens, an outlier at its end, a mark at an impossible time."""
    run = "runs/elsewhere/main"  # the name of another
    os.makedirs(space / run)
    with open(space / "runs/main/attempts.jsonl", encoding="utf-8") as file:
        start = json.loads(file.readline())
    marks = [{"event": "health", "attempt": 1, "time": time, "kind": "spike", "action": "rolled back", "step": 9, "to_step": 5,
              "lost_seconds": lost, "message": "a spike"} for time, lost in ((start["time"] + 20, 10 * start["ranks"]), (1e12, 0))]
    with open(space / f"{run}/attempts.jsonl", "w", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in [start, *marks])
    with open(space / f"{run}/metrics.jsonl", "w", encoding="utf-8") as file:
        for step in range(1, 61):
            line = {"step": step, "time": start["time"] + step, "loss": 4 - step / 30 if step < 50 else None,
                    "valid_loss": 4 - step / 40, "tokens_per_second": 1e9 if step == 60 else 1000 + step}
            file.write(json.dumps(line) + "\n")
    return run


def shown(value):
    """A number as the page shows it (words.js)."""
    size = abs(value)
    if value == 0:
        return "0"
    if size < 1e-3 or size >= 1e9:
        digits, power = f"{value:.3e}".split("e")
        return f"{digits.rstrip('0').rstrip('.')}e{int(power)}"
    if size >= 1e4:
        return f"{round(value):,}"
    text = f"{value:.{max(0, 4 - math.floor(math.log10(size)))}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def made(space, *runs):
    page = space / "page.html"
    space.must("report", *runs, "-o", page, "--force")
    return page


def page_data(browser):
    return json.loads(browser.run("document.getElementById('data').textContent"))


def table_of(browser, selector):
    """The texts of a table's cells, row by row, its head first."""
    return browser.run(f"[...document.querySelector({json.dumps(selector)}).querySelectorAll('tr')]"
                       ".map(row => [...row.cells].map(cell => cell.textContent))")


def nothing_bad(browser, page, what):
    check(not browser.problems, f"{what}: the page complains: {browser.problems}")
    away = [url for url in browser.requests if url != f"file://{page}"]
    check(not away, f"{what}: the page asks for {away}")
    check(browser.run("document.title").endswith("Trireme report"), f"{what}: the title is {browser.run('document.title')}")
    check(browser.run("document.documentElement.scrollWidth <= innerWidth"), f"{what}: the page is wider than the screen")


def curves_are_the_files(space, run, data):
    """Every value of every curve of these short runs."""
    lines = metrics(space / run)
    fields = {field for line in lines for field in line} - {"step", "time", "tokens", "samples", "seconds", "valid_tokens"}
    check(set(data["curves"]) == fields | {"seconds.p50", "seconds.p90", "seconds.p99"}, f"{run}: {sorted(data['curves'])}")
    for field in fields:
        want = [(line["step"], line[field]) for line in lines if field in line]
        steps, at = [], 0
        for difference in data["curves"][field]["steps"]:
            steps.append(at := at + difference)
        check(steps == [step for step, _ in want], f"{run}: {field} at {steps}")
        for got, (_, value) in zip(data["curves"][field]["values"], want):
            check(math.isclose(got, value, rel_tol=1e-6), f"{run}: {field} is {got}, the file says {value}")
        check(data["curves"][field]["last"] == list(want[-1]), f"{run}: the last {field}")


def killed_and_resharded(space, browser):
    page = made(space, "runs/main")
    browser.open(page, 1366, 5000)
    nothing_bad(browser, page, "one run")
    curves_are_the_files(space, "runs/main", page_data(browser)["runs"][0])
    losses = {line["step"]: line["loss"] for line in step_lines(space / "runs/main")}

    browser.run("document.querySelector('#charts details').open = true")
    browser.settle()
    rows = table_of(browser, "#charts details table")
    low = min(losses, key=losses.get)
    check(rows[1][0] == "main, training" and rows[1][1:7] == [shown(losses[1]), "1", shown(losses[STEPS]), str(STEPS),
                                                              shown(losses[low]), str(low)], f"numbers of the loss: {rows}")

    browser.run("document.querySelector('.overlay').focus()")
    browser.press("End")
    said = browser.run("document.querySelector('.overlay').getAttribute('aria-valuetext')")
    check(f"step {STEPS}" in said and f"training {shown(losses[STEPS])}" in said, f"the keys say: {said}")
    box = browser.run(BOX)
    browser.mouse("mouseMoved", box[0] + box[2] * 19 / (STEPS - 1), box[1] + box[3] / 2)  # step 20 of 1 … 40
    said = browser.run("document.querySelector('.readout').textContent")
    check("step 20 " in said and shown(losses[20]) in said, f"under the pointer: {said}")

    first, second = table_of(browser, "#timeline table")[1:]
    start, end = attempts(space / "runs/main")[0], attempts(space / "runs/main")[1]
    check(first[4] == "1 rank" and second[4] == "pp2" and first[3] == "killed" and second[3] == "done", f"{first} {second}")
    lost = end["last_step"] - end["saved_step"]
    check(first[7] == f"0 → {end['last_step']}" and first[8] == str(lost) and lost > 0, f"{first}, the ledger: {start} {end}")
    spans = browser.run("[...document.querySelectorAll('.bars svg title')].map(title => title.textContent)")
    check(any("lost" in span for span in spans), f"spans: {spans}")
    check("Pipeline 1f1b" in browser.run("document.querySelector('#layouts').textContent"), "no drawing of the schedule")


def several_runs(space, browser):
    page = made(space, "runs/main", "runs/other")
    browser.open(page, 1366, 5000)
    nothing_bad(browser, page, "two runs")
    curves_are_the_files(space, "runs/other", page_data(browser)["runs"][1])
    rows = table_of(browser, "#options table")
    check(rows[0] == ["Run", "optimizer.lr", "optimizer.min_lr", "parallel.pp"], f"differences: {rows}")
    check([row[0] for row in rows[1:]] == ["main", "other"] and rows[2][1] == "0.01", f"differences: {rows}")
    lines = lambda: browser.run("document.querySelector('.readout').querySelectorAll('.row').length")  # noqa: E731
    browser.run("document.querySelector('.overlay').focus()")
    browser.press("End")
    check(lines() == 4, f"{lines()} values of two runs")
    browser.run("document.querySelector('#overview input').focus()")
    browser.press("Space")
    browser.run("document.querySelector('.overlay').focus()")
    browser.press("End")
    check(lines() == 2, f"{lines()} values after one run was switched off")
    browser.run("document.querySelectorAll('figcaption button, fieldset ~ button').forEach(button => button.click())")
    for name in ("tokens", "hours", "steps"):
        browser.run(f"document.querySelector('input[value={name}]').click()")
        browser.settle()
    box = browser.run(BOX)
    for kind, x in (("mousePressed", 0.25), ("mouseMoved", 0.5), ("mouseReleased", 0.75)):
        browser.mouse(kind, box[0] + box[2] * x, box[1] + box[3] / 2, button="left", buttons=1, clickCount=1)
    low, high = browser.run("['min', 'max'].map(end => Number(document.querySelector('.overlay').getAttribute('aria-value' + end)))")
    check(math.isclose(low, STEPS ** 0.25, rel_tol=0.02) and math.isclose(high, STEPS ** 0.75, rel_tol=0.02),
          f"zoomed to {low} … {high} of 1 … {STEPS} on a logarithmic axis")
    check(not browser.problems, f"choosing axes: {browser.problems}")


def diverged(space, browser, run):
    page = made(space, run)
    browser.open(page, 1366, 5000)
    nothing_bad(browser, page, "a run that diverged")
    facts = browser.run("document.querySelector('.facts').innerText")
    check("not finite" in facts and f"since step 50; {shown(4 - 49 / 30)} at step 49" in facts, f"the loss: {facts}")
    check("1.03k" in facts, f"the median of the throughput is 1,030 tokens/s: {facts}")
    check(table_of(browser, "#timeline table")[1][8] == "–", "steps lost of an attempt without an end")
    check(browser.run("document.querySelectorAll('.bars .mark').length") == 1, "a mark at an impossible time was drawn")
    check("undone" in browser.run("document.querySelector('#timeline').innerText"), "no word about what the roll-back undid")
    check(browser.run("document.querySelectorAll('.bars .lost').length") > 0, "what the roll-back undid is not drawn")

    page = made(space, "runs/main", run)
    browser.open(page, 390, 844, mobile=True)
    rows = table_of(browser, "#overview table")
    check([row[0] for row in rows[1:]] == ["runs/main", "elsewhere/main"], f"the names: {rows}")
    check(rows[2][3] == "not finite since step 50", f"the loss in the table: {rows}")
    note = lambda: browser.run("document.querySelector('#axis-note').innerText")  # noqa: E731
    check(note() == "", f"with steps: {note()}")
    browser.run("document.querySelector('input[value=tokens]').click()")
    check(note() == "1 run tells no tokens: not drawn (elsewhere/main)", f"with tokens: {note()}")
    browser.run("document.querySelector('input[value=steps]').click()")

    def window():
        return browser.run("['min', 'max'].map(end => Number(document.querySelector('.overlay').getAttribute('aria-value' + end)))")

    def press(button):
        browser.run(f"document.querySelector('[aria-label={json.dumps(button)}]').click()")
        browser.settle()

    browser.run("document.querySelector('#charts').scrollIntoView()")
    browser.settle()
    x, y, wide, tall = browser.run(BOX)
    low, high = window()
    browser.tap(x + wide * 0.25, y + tall / 2)
    check(browser.run("getComputedStyle(document.querySelector('.readout')).display") == "block", "a tap shows nothing")
    press("Zoom in")
    zoomed = window()
    check(math.isclose(zoomed[0] - low, (high - low) * 0.125, rel_tol=0.1), f"zoomed from {low} … {high} to {zoomed}")
    press("Move right")
    moved = window()
    check(math.isclose(moved[0], sum(zoomed) / 2) and math.isclose(moved[1] - moved[0], zoomed[1] - zoomed[0]),
          f"moved from {zoomed} to {moved}")
    press("Move right")
    check(window()[1] == high and math.isclose(window()[0], high - (high - low) / 2), f"not beyond the end: {window()}")
    check(not browser.problems, f"on a phone: {browser.problems}")


def sweeps(space, browser):
    page = made(space, "sweeps/lr")
    browser.open(page, 1366, 5000)
    nothing_bad(browser, page, "a sweep")
    best = json.loads(space.must("sweep", "best", "sweeps/lr", "--top", "10", "--json").stdout)["best"]
    rows = table_of(browser, "#sweep table")[1:]
    want = [[str(trial["trial"]), shown(trial["results"][-1]["metric"]), str(trial["results"][-1]["step"]),
             trial["parameters"]["optimizer.lr"]] for trial in best]
    check([row[:4] for row in rows] == want, f"the best trials: {rows}, sweep best says {want}")
    status = json.loads(space.must("sweep", "status", "sweeps/lr", "--json").stdout)
    rungs = browser.run("[...document.querySelectorAll('#sweep table')][1].innerText")
    steps = sum(rung["steps"] for rung in page_data(browser)["sweep"]["rung_costs"])
    check(steps == sum(trial["step"] for trial in status["trials"]), f"{steps} steps: {rungs}, {status['trials']}")
    check(browser.run("document.querySelectorAll('#sweep polyline').length") >= len(best), "too few lines")


def hostile(space, browser, run):
    page = made(space, run, "runs/other")
    with open(page, encoding="utf-8") as file:
        text = file.read()
    data = text.split('id="data">')[1].split("</script>")[0]
    check(not any(sign in data for sign in "<>&\u2028\u2029\u202e\x1b"), "the data hold characters that they must not")
    browser.open(page, 1366, 9000)
    browser.run("document.querySelectorAll('details').forEach(one => one.open = true)")
    browser.settle()
    nothing_bad(browser, page, "a hostile run")
    check(browser.run("document.querySelectorAll('img, iframe, object, embed').length") == 0, "an element of the run's own")
    check(browser.run("document.scripts.length") == 3, "a script of the run's own")
    words = browser.run("document.body.innerText")
    for part in (HOSTILE, ENDS, "test/accuracy", "second line", "<!--<script>\\u{2028}\\u{2029}\\u{202E}\\x1B[31m&amp;&lt;",
                 "1 line of metrics.jsonl is damaged", "are gaps"):
        check(part in words, f"the page does not show {part}")
    mine = page_data(browser)["runs"][0]
    check(mine["curves"]["loss"]["gaps"] == 1 and mine["curves"]["loss"]["last"] == [30, 0.1], mine["curves"]["loss"])
    check("\\u{202E}b\\u{2028}" in mine["run"], f"the name is {mine['run']}")


def accessible(space, browser, run):
    with open(AXE[0], encoding="utf-8") as file:
        axe = file.read()

    def violations():
        browser.run("document.querySelectorAll('details').forEach(one => one.open = true)")
        browser.settle()
        browser.run(axe + "; 0")
        found = browser.run("axe.run(document, {resultTypes: ['violations']}).then(result => result.violations.map("
                            "one => one.id + ': ' + one.nodes[0].html + ' ' + one.nodes[0].failureSummary))")
        return found

    laptop, phone = {"width": 1366, "height": 768}, {"width": 390, "height": 844, "mobile": True}
    page = made(space, "runs/main", run)
    for screen in (laptop, phone):
        for dark in (False, True):
            browser.open(page, dark=dark, **screen)
            check(not (found := violations()), f"axe, dark {dark}, {screen}: {found}")
            nothing_bad(browser, page, f"dark {dark}, {screen}")
    for runs, dark in ((["runs/main"], False), (["sweeps/lr"], True)):
        browser.open(made(space, *runs), dark=dark, **phone)
        check(not (found := violations()), f"axe, {runs}: {found}")
        nothing_bad(browser, space / "page.html", f"{runs} on a phone")
    browser.run("document.querySelector('#controls').append(Object.assign(document.createElement('input'), {type: 'text'}))")
    check(any("label" in one for one in violations()), "axe did not see an input without a label")


def command_line(space):
    space.must("report", "--help")
    check(space.run("report", "nowhere", "-o", space / "x.html").returncode == 2, "a run that is not there")
    check(space.run("report", "runs/main", "-o", space / "page.html").returncode == 2, "a page was replaced unasked")
    check(space.run("report", "sweeps/lr", "runs/main", "-o", space / "x.html").returncode == 2, "a sweep beside a run")
    check(not os.path.exists(space / "x.html"), "a page of nothing")


def main():
    check(shutil.which("chromium"), "there is no chromium: run scripts/setup.sh --tests")
    check(AXE, "there is no axe: run scripts/setup.sh --tests")
    with Workspace() as space:
        make_runs(space)
        make_sweep(space)
        mine = make_program(space)
        with Browser() as browser:
            for case in (killed_and_resharded, several_runs, sweeps):
                case(space, browser)
                say(f"passed: {case.__name__}")
            diverged(space, browser, make_diverged(space))
            say("passed: diverged")
            hostile(space, browser, mine)
            accessible(space, browser, mine)
        command_line(space)


main()
