"""scripts/check.py in a small repository of its own: what it finds, what it compares with, and where that is missing."""

import json
import os
import shutil
import subprocess
import sys
import tempfile

SOURCE = os.environ["TRIREME_SOURCE"]


class Repository:
    """with Repository() as repository: a fresh one that holds scripts/check.py and good sources, all committed."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="trireme-check-")
        for name in ("scripts/check.py", ".clang-format", ".clang-tidy"):
            os.makedirs(os.path.dirname(f"{self.path}/{name}"), exist_ok=True)
            shutil.copy(f"{SOURCE}/{name}", f"{self.path}/{name}")
        self.write("base/one.hpp", "#pragma once\n\n#include <string>\n\nstd::string one();\n")
        self.write("base/one.cpp", '#include "base/one.hpp"\n\nstd::string one() { return "1"; }\n')
        self.write("build/compile_commands.json", json.dumps(
            [{"directory": self.path, "file": f"{self.path}/base/one.cpp",
              "command": f"c++ -I{self.path} -std=c++20 -c {self.path}/base/one.cpp"}]))
        os.mkdir(f"{self.path}/.ci")
        self.git("init", "-q")
        self.first = self.commit()
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path)

    def write(self, name, text):
        os.makedirs(os.path.dirname(f"{self.path}/{name}"), exist_ok=True)
        with open(f"{self.path}/{name}", "w", encoding="utf-8") as file:
            file.write(text)

    def git(self, *words):
        return subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], cwd=self.path, check=True,
                              capture_output=True, text=True).stdout.strip()

    def commit(self):
        self.git("add", "base")
        self.git("commit", "-qm", "more")
        return self.git("rev-parse", "HEAD")

    def check(self, *words):
        done = subprocess.run([sys.executable, "scripts/check.py", *words], cwd=self.path, capture_output=True, text=True,
                              check=False)
        return done.returncode, done.stdout + done.stderr


def findings():
    with Repository() as repository:
        repository.git("tag", "v1")
        code, said = repository.check()
        assert code == 0 and "tidy: 0 files" in said, said  # nothing changed
        code, said = repository.check("--all")
        assert code == 0, said
        repository.write("base/one.hpp", "#pragma once\n\nstd::string one();\n")  # its sources include <string> first
        repository.write("base/one.cpp", '#include <string>\n\n#include "base/one.hpp"\n\n'
                         'std::string one() {\n  const std::string text = "1";\n  return text.size() == 0 ? "2" : text;\n}\n')
        for _ in ("uncommitted", "committed"):
            code, said = repository.check()
            assert code == 1 and "tidy: 1 files, 1 with findings: base/one.cpp" in said and "container-size-empty" in said, said
            assert "headers: 1 files, 1 with findings: base/one.hpp" in said, said
            assert "format: 2 files, 0 with findings" in said, said
            if repository.git("status", "--porcelain", "--untracked-files=no"):
                repository.commit()
        repository.write("base/one.cpp", "int  one;\n")
        code, said = repository.check()
        assert code == 1 and "format: 2 files, 1 with findings: base/one.cpp" in said, said


def bases():
    """A tag, else the commit in .ci/checked, else nothing is compared, which is said and is no failure."""
    with Repository() as repository:
        repository.write("base/two.cpp", "#include <string>\n\nbool two(const std::string& text) { return text.size() == 0; }\n")
        repository.commit()
        code, said = repository.check()
        assert code == 0 and "not run: this clone has neither a tag" in said, said
        repository.write(".ci/checked", "0123456789012345678901234567890123456789\n")  # as in a shallow clone
        code, said = repository.check()
        assert code == 0 and "not run" in said, said
        repository.write(".ci/checked", repository.first)
        code, said = repository.check()
        assert "tidy: 0 files" in said, said  # it is in no target
        repository.write("build/compile_commands.json", json.dumps(
            [{"directory": repository.path, "file": f"{repository.path}/base/two.cpp", "command": "c++ -c base/two.cpp"}]))
        code, said = repository.check()
        assert code == 1 and "findings: base/two.cpp" in said, said


def main():
    missing = [name for name in ("git", "clang-format-14", "clang-tidy-14") if shutil.which(name) is None]
    if missing:
        print(f"skipped: {', '.join(missing)} not installed (scripts/setup.sh --tests installs them)")
        return 77
    findings()
    bases()
    print("check.py finds what it should, and says where it has nothing to compare with")
    return 0


if __name__ == "__main__":
    sys.exit(main())
