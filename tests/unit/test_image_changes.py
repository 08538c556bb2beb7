"""``--change``: Dockerfile lines that change a configuration."""

import pytest

from wherry.engine.images.changes import apply_changes
from wherry.model.errors import InvalidArgument
from wherry.model.image import HealthcheckConfig, ImageConfig
from wherry.model.ports import ContainerPort, Transport


def test_every_instruction_changes_its_field() -> None:
    made = apply_changes(
        ImageConfig(env=("A=old", "Z=z"), working_dir="/w"),
        [
            'ENV A=b C="d e" F=g\\ h',
            "ENV OLD the rest of it",
            "LABEL a=b 'c d'=e",
            "EXPOSE 80 90/udp 100-101",
            'VOLUME ["/x y", "/z"]',
            "VOLUME /v",
            "user 1:2",
            "WORKDIR sub/../dir",
            "STOPSIGNAL 9",
            "ONBUILD RUN ls",
            'SHELL ["/bin/ash", "-c"]',
            "HEALTHCHECK --interval=5s --retries=3 CMD true",
            "CMD echo hi",
            'ENTRYPOINT ["a", "b"]',
        ],
    )
    assert made == ImageConfig(
        env=("A=b", "Z=z", "C=d e", "F=g h", "OLD=the rest of it"),
        labels={"a": "b", "c d": "e"},
        exposed_ports=(
            ContainerPort(number=80),
            ContainerPort(number=90, transport=Transport.UDP),
            ContainerPort(number=100),
            ContainerPort(number=101),
        ),
        volumes=("/v", "/x y", "/z"),
        user="1:2",
        working_dir="/w/dir",
        stop_signal="9",
        on_build=("RUN ls",),
        shell=("/bin/ash", "-c"),
        healthcheck=HealthcheckConfig(test=("CMD-SHELL", "true"), interval_ns=5 * 10**9, retries=3),
        command=("/bin/ash", "-c", "echo hi"),
        entrypoint=("a", "b"),
    )


def test_a_new_entrypoint_drops_the_old_command() -> None:
    config = ImageConfig(command=("old",))
    assert apply_changes(config, ["ENTRYPOINT x"]).command is None
    assert apply_changes(config, ['CMD ["new"]', "ENTRYPOINT x"]).command == ("new",)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("FOO bar", "^FOO is not a valid change command$"),
        ("RUN x", "^RUN is not a valid change command$"),
        ("EXPOSE", "^EXPOSE requires at least one argument$"),
        ("EXPOSE abc", "^Invalid containerPort: abc$"),
        ("EXPOSE 1/xyz", "^Invalid proto: xyz$"),
        ("ENV A", "^ENV must have two arguments$"),
        ("ONBUILD FROM x", "isn't allowed as an ONBUILD trigger"),
        ("HEALTHCHECK maybe", "unknown type"),
        ("SHELL sh", "JSON form"),
    ],
)
def test_refusals_are_in_dockers_words(change: str, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        apply_changes(ImageConfig(), [change])
