#!/usr/bin/env python3
"""Makes a script of a CI job: gate-ci.py FILE REPOSITORY COMMAND OPTIONS.

A composite action of GitHub: its steps, with the expressions of its env filled in. A GitLab template:
its hidden job's variables and script.
"""
import shlex
import sys

import yaml


def github(action, values):
    for step in action["runs"]["steps"]:
        assert step["shell"] == "bash", step
        print("(")
        for name, value in step.get("env", {}).items():
            for expression, text in values.items():
                value = value.replace("${{ %s }}" % expression, text)
            assert "${{" not in value, value
            print("export %s=%s" % (name, shlex.quote(value)))
        print("set -eo pipefail\n%s)" % step["run"])
        print("status=$?; ((status == 0)) || exit $status")


def gitlab(template, values):
    job = template[".kumo-redirect"]
    for name, value in {**job["variables"], **values}.items():
        print("export %s=%s" % (name, shlex.quote(value)))
    print("set -e")
    print("\n".join(job["script"]))


def main():
    file, repository, command, options = sys.argv[1:]
    with open(file) as f:
        content = yaml.safe_load(f)
    if "runs" in content:
        github(content, {"github.action_path": repository + "/contrib/ci/github", "inputs.command": command,
                         "inputs.options": options})
    else:
        gitlab(content, {"KUMO_REDIRECT": repository, "KUMO_COMMAND": command, "KUMO_OPTIONS": options})


main()
