"""Images: import, list, inspect, tag, history, save, load, rmi."""

import io
import json
import re
import tarfile
from pathlib import Path

import pytest

from tests.support.docker import IMAGE, Docker
from tests.support.engine import Engine, busybox_tar

pytestmark = pytest.mark.needs("docker")


@pytest.fixture(scope="module")
def root_tar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root file system as `docker import` takes it."""
    path = tmp_path_factory.mktemp("rootfs") / "rootfs.tar"
    path.write_bytes(busybox_tar())
    return path


@pytest.fixture
def imported(docker: Docker, engine: Engine, root_tar: Path) -> str:
    """An image of this test alone, removed afterwards by its name."""
    name = f"compat/{docker.name('i')}:one"
    docker.ok("import", "--change", 'CMD ["sh"]', "--message", "made here", str(root_tar), name)
    return name


@pytest.fixture(autouse=True)
def _discard_images(docker: Docker) -> object:
    yield
    mine = docker.ok(
        "images", "--format", "{{.Repository}}:{{.Tag}}", "--filter", "reference=compat/compat-*"
    )
    for name in mine.split():
        docker("rmi", "-f", name)


def test_an_imported_image_runs(docker: Docker, imported: str) -> None:
    assert docker.run(imported, "echo", "hello") == "hello"


def test_import_from_standard_input_with_changes(docker: Docker, root_tar: Path) -> None:
    name = f"compat/{docker.name('i')}"
    identity = docker.ok(
        *("import", "--change", "ENV A=b", "--change", "WORKDIR /tmp"),
        *("--change", 'ENTRYPOINT ["sh", "-c"]', "--change", "EXPOSE 80"),
        *("--change", "LABEL k=v", "--change", "USER nobody", "-", name),
        stdin=root_tar.read_bytes(),
    )
    assert re.fullmatch("sha256:[0-9a-f]{64}", identity)
    assert docker.run(name, "echo $A; pwd; id -un") == "b\n/tmp\nnobody"
    config = json.loads(docker.inspect(name, "{{json .Config}}"))
    assert config["ExposedPorts"] == {"80/tcp": {}}
    assert config["Labels"] == {"k": "v"}


def test_images_lists_it(docker: Docker, imported: str) -> None:
    repository, _, tag = imported.partition(":")
    shown = docker.ok("images", "--format", "{{.Repository}} {{.Tag}} {{.ID}} {{.Size}}")
    identity = docker.inspect(imported, "{{.Id}}").removeprefix("sha256:")
    assert re.search(rf"^{repository} {tag} {identity[:12]} [\d.]+MB$", shown, re.MULTILINE)
    assert docker.ok("images", "-q", imported) == identity[:12]
    assert docker.ok("images", "-q", "--no-trunc", repository) == f"sha256:{identity}"


def test_inspect_of_an_image(docker: Docker, imported: str) -> None:
    (shown,) = json.loads(docker.ok("image", "inspect", imported))
    assert shown["RepoTags"] == [imported]
    assert (shown["Os"], shown["Comment"]) == ("linux", "made here")
    assert shown["Config"]["Cmd"] == ["sh"]
    assert shown["RootFS"]["Type"] == "layers"
    assert len(shown["RootFS"]["Layers"]) == 1
    assert shown["Size"] > 1_000_000
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", shown["Created"])


def test_tag_gives_another_name(docker: Docker, imported: str) -> None:
    other = imported.replace(":one", ":two")
    docker.ok("tag", imported, other)
    assert docker.inspect(other, "{{.Id}}") == docker.inspect(imported, "{{.Id}}")
    assert sorted(json.loads(docker.inspect(other, "{{json .RepoTags}}"))) == [imported, other]


def test_a_bad_tag_is_refused(docker: Docker, imported: str) -> None:
    assert "invalid reference format" in docker.fails("tag", imported, "Bad Name", code=1)
    assert "must be lowercase" in docker.fails("tag", imported, "name/Upper", code=1)


def test_rmi_takes_a_name_away_and_then_the_image(docker: Docker, imported: str) -> None:
    other = imported.replace(":one", ":two")
    docker.ok("tag", imported, other)
    identity = docker.inspect(imported, "{{.Id}}")
    assert docker.ok("rmi", other) == f"Untagged: {other}"
    told = docker.ok("rmi", imported).splitlines()
    assert told[0] == f"Untagged: {imported}"
    assert f"Deleted: {identity}" in told
    assert docker("image", "inspect", imported).code == 1


def test_rmi_of_an_image_in_use_is_refused(docker: Docker, imported: str) -> None:
    name = docker.start(imported, "true")
    docker.ok("wait", name)
    short = docker.inspect(name, "{{.Id}}")[:12]
    error = docker.fails("rmi", imported, code=1)
    assert f'conflict: unable to remove repository reference "{imported}" (must force)' in error
    assert f"container {short} is using its referenced image" in error


def test_rmi_by_id_of_a_running_one_is_refused_even_by_force(docker: Docker, imported: str) -> None:
    name = docker.start(imported, "sleep", "60")
    short = docker.inspect(name, "{{.Id}}")[:12]
    identity = docker.inspect(imported, "{{.Id}}")
    error = docker.fails("rmi", "-f", identity, code=1)
    assert "(cannot be forced) - image is being used by running container " + short in error


def test_rmi_of_an_unknown_image(docker: Docker) -> None:
    assert "No such image: nobody-here" in docker.fails("rmi", "nobody-here", code=1)


def test_history(docker: Docker, imported: str) -> None:
    shown = docker.ok(
        "history", "--no-trunc", "--format", "{{.ID}}|{{.Comment}}|{{.Size}}", imported
    )
    (line,) = shown.splitlines()
    identity, comment, size = line.split("|")
    assert identity == docker.inspect(imported, "{{.Id}}")
    assert comment == "made here"
    assert re.fullmatch(r"[\d.]+MB", size)


def test_save_and_load_is_a_round_trip(docker: Docker, imported: str, tmp_path: Path) -> None:
    identity = docker.inspect(imported, "{{.Id}}")
    archive = tmp_path / "image.tar"
    docker.ok("save", "-o", str(archive), imported)
    docker.ok("rmi", imported)
    assert docker.ok("load", "-i", str(archive)) == f"Loaded image: {imported}"
    assert docker.inspect(imported, "{{.Id}}") == identity
    assert docker.run(imported, "echo", "back") == "back"


def test_save_to_standard_output_has_both_formats(docker: Docker, imported: str) -> None:
    process = docker.popen("save", imported)
    saved, _ = process.communicate(timeout=60)
    with tarfile.open(fileobj=io.BytesIO(saved)) as tar:
        names = set(tar.getnames())
        manifest_file = tar.extractfile("manifest.json")
        assert manifest_file is not None
        (manifest,) = json.load(manifest_file)
    assert {"oci-layout", "index.json", "manifest.json"} <= names
    assert manifest["RepoTags"] == [imported]
    assert {manifest["Config"], *manifest["Layers"]} <= names


def test_several_images_in_one_archive(docker: Docker, imported: str, tmp_path: Path) -> None:
    other = imported.replace(":one", ":two")
    docker.ok("tag", imported, other)
    archive = tmp_path / "images.tar"
    docker.ok("save", "-o", str(archive), imported, other)
    docker.ok("rmi", imported, other)
    told = docker.ok("load", "-q", "-i", str(archive)).splitlines()
    assert sorted(told) == [f"Loaded image: {imported}", f"Loaded image: {other}"]


def test_load_of_something_else_is_refused(docker: Docker, tmp_path: Path) -> None:
    rubbish = tmp_path / "rubbish.tar"
    rubbish.write_bytes(b"this is no archive" * 100)
    assert docker("load", "-i", str(rubbish)).code == 1


def test_load_of_a_truncated_archive_is_refused(
    docker: Docker, imported: str, tmp_path: Path
) -> None:
    archive = tmp_path / "image.tar"
    docker.ok("save", "-o", str(archive), imported)
    docker.ok("rmi", imported)
    archive.write_bytes(archive.read_bytes()[:-900_000])
    assert docker("load", "-i", str(archive)).code == 1
    assert docker("image", "inspect", imported).code == 1


def test_import_of_rubbish_is_refused(docker: Docker, tmp_path: Path) -> None:
    rubbish = tmp_path / "rubbish.tar"
    rubbish.write_bytes(b"\x01" * 4096)
    name = f"compat/{docker.name('i')}"
    assert docker("import", str(rubbish), name).code == 1
    assert docker("image", "inspect", name).code == 1


def test_an_unknown_image_is_told_in_words_that_clients_look_for(docker: Docker) -> None:
    error = docker.fails("run", "--rm", "--pull", "never", "nobody-here/at-all:1", "true", code=125)
    assert "No such image: nobody-here/at-all:1" in error
    error = docker.fails("image", "inspect", "nobody-here", code=1)
    assert "No such image: nobody-here" in error


def test_an_image_is_found_by_its_id_and_by_short_ids(docker: Docker, imported: str) -> None:
    identity = docker.inspect(imported, "{{.Id}}")
    for wanted in (identity, identity.removeprefix("sha256:"), identity[7:19]):
        assert docker.run(wanted, "echo", "found") == "found"


def test_images_filters(docker: Docker, imported: str) -> None:
    repository = imported.partition(":")[0]
    short = docker.inspect(imported, "{{.Id}}")[7:19]
    assert docker.ok("images", "-q", "--filter", f"reference={repository}*") == short
    assert docker.ok("images", "-q", "--filter", f"reference={repository}:two") == ""
    assert short not in docker.ok("images", "-q", "--filter", "dangling=true").split()
    assert "invalid filter 'nope'" in docker.fails("images", "--filter", "nope=1", code=1)


def test_an_image_without_a_name_is_dangling(docker: Docker, root_tar: Path) -> None:
    identity = docker.ok("import", "--message", docker.name("m"), str(root_tar))
    try:
        assert identity[7:19] in docker.ok("images", "-q", "--filter", "dangling=true").split()
        assert json.loads(docker.inspect(identity, "{{json .RepoTags}}")) == []
    finally:
        docker.ok("rmi", identity)


def test_the_images_configuration_is_what_a_container_gets(docker: Docker, root_tar: Path) -> None:
    name = f"compat/{docker.name('i')}"
    docker.ok(
        *("import", "--change", 'ENTRYPOINT ["echo", "entry"]', "--change", 'CMD ["command"]'),
        *("--change", "ENV FROM=image", str(root_tar), name),
    )
    assert docker.run(name) == "entry command"
    assert docker.run(name, "mine") == "entry mine"
    assert docker.run("--entrypoint", "env", name).splitlines().count("FROM=image") == 1
    assert "FROM=run" in docker.run("-e", "FROM=run", "--entrypoint", "env", name).splitlines()


def test_an_image_that_declares_a_volume_gets_an_anonymous_one(
    docker: Docker, root_tar: Path
) -> None:
    name = f"compat/{docker.name('i')}"
    docker.ok("import", "--change", "VOLUME /data", str(root_tar), name)
    box = docker.start(name, "sleep", "60")
    (mount,) = json.loads(docker.inspect(box, "{{json .Mounts}}"))
    assert (mount["Type"], mount["Destination"]) == ("volume", "/data")


def test_the_tests_own_image_is_there(docker: Docker) -> None:
    assert docker.ok("images", "--format", "{{.Repository}}:{{.Tag}}", IMAGE) == IMAGE
