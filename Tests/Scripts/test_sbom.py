"""scripts/sbom: the bill of materials of programs, from the versions that Package.resolved and Package.swift name."""

import json
import pathlib
import re
import subprocess

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
# Programs of Debian whose libraries are known.
CURL = "/usr/bin/curl"


def bill(*programs):
    done = subprocess.run([CHECKOUT / "scripts" / "sbom", *programs], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def pins():
    resolved = json.loads((CHECKOUT / "Package.resolved").read_text(encoding="utf-8"))
    return {each["identity"]: each for each in resolved["pins"]}


def test_every_dependency_is_pinned_to_the_version_that_package_swift_names():
    named = dict(re.findall(r'\.package\(url: "\S+/(\S+?)", exact: "([\d.]+)"\)',
                            (CHECKOUT / "Package.swift").read_text(encoding="utf-8")))
    assert len(named) == (CHECKOUT / "Package.swift").read_text(encoding="utf-8").count(".package(url:")
    # What packages need themselves is named too.
    assert {name: pin["state"]["version"] for name, pin in pins().items()} == named
    assert all(re.fullmatch(r"[0-9a-f]{40}", each["state"]["revision"]) for each in pins().values())


def test_the_bill_names_what_is_linked_and_what_is_loaded():
    made = bill(CURL)
    assert (made["bomFormat"], made["specVersion"]) == ("CycloneDX", "1.5")
    found = {each["name"]: each for each in made["components"]}
    assert {name: found[name]["version"] for name in pins()} == {
        name: each["state"]["version"] for name, each in pins().items()}
    compiler = subprocess.run(["swift", "--version"], capture_output=True, text=True, check=True).stdout
    assert found["swift"]["version"] in compiler and re.fullmatch(r"[0-9a-f]{40}", found["boringssl"]["version"])
    version = subprocess.run(["dpkg-query", "--show", "--showformat", "${Version}", "libcurl4"], capture_output=True,
                             text=True, check=True).stdout
    assert found["libcurl4"]["version"] == version and found["libcurl4"]["purl"].startswith("pkg:deb/debian/libcurl4@")
    linkage = {name: each["properties"][0]["value"] for name, each in found.items()}
    assert {name for name, how in linkage.items() if how == "static"} == {*pins(), "swift", "boringssl"}
    references = [each["bom-ref"] for each in made["components"]]
    assert made["dependencies"] == [{"ref": "odys", "dependsOn": references}]
    assert len(set(references)) == len(references)


def test_a_program_that_is_none_is_an_error():
    done = subprocess.run([CHECKOUT / "scripts" / "sbom", "/etc/hostname"], capture_output=True, text=True, check=False)
    assert done.returncode != 0 and done.stdout == ""
