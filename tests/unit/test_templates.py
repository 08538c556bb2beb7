"""Go's templates, as `--format` takes them."""

from typing import Any

import pytest

from wherry.cli.listings import as_records
from wherry.cli.templates import TemplateError, parse_template

DATA: dict[str, Any] = {
    "Map": {"k": "v", "n": 3},
    "List": ["a", "b"],
    "Text": "Hello",
    "Null": None,
    "Yes": True,
    "Number": 7,
}


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("plain", "plain"),
        ("{{.Text}}", "Hello"),
        ("{{.Map.k}}", "v"),
        ("{{.Null}}", "<no value>"),
        ("{{.List}} {{.Map}}", "[a b] map[k:v n:3]"),
        ("{{json .Map}}", '{"k":"v","n":3}'),
        ("{{range .List}}<{{.}}>{{end}}", "<a><b>"),
        ("{{range $i, $v := .List}}{{$i}}={{$v}} {{end}}", "0=a 1=b "),
        ("{{range $k, $v := .Map}}{{$k}}:{{$v}};{{end}}", "k:v;n:3;"),
        ("{{range .Null}}x{{else}}none{{end}}", "none"),
        ('{{range .List}}{{if eq . "b"}}{{break}}{{end}}{{.}}{{end}}', "a"),
        ('{{range .List}}{{if eq . "a"}}{{continue}}{{end}}{{.}}{{end}}', "b"),
        ("{{if .Null}}x{{else}}y{{end}}", "y"),
        ('{{if eq .Text "x"}}1{{else if .Yes}}2{{else}}3{{end}}', "2"),
        ("{{with .Map}}{{.n}}{{end}}", "3"),
        ("{{with $x := .Map}}{{$x.k}}{{end}}", "v"),
        ('{{index .Map "k"}}{{index .List 1}}', "vb"),
        ('{{index .Map "absent"}}', "<no value>"),
        ("{{len .List}} {{len .Text}}", "2 5"),
        ('{{join .List ","}}', "a,b"),
        ('{{split "a:b" ":"}}', "[a b]"),
        ("{{lower .Text}}{{upper .Text}}{{title `two words`}}", "helloHELLOTwo Words"),
        ('{{.Text | lower | printf "%-8s|"}}', "hello   |"),
        ('{{printf "%q %d %v %5.1f%%" .Text 3 .List 2.25}}', '"Hello" 3 [a b]   2.2%'),
        ('{{print 1 2 "a" 3}}', "1 2a3"),
        ("{{println .Text}}", "Hello\n"),
        ("{{$x := .Text}}{{$x}}{{$.Number}}", "Hello7"),
        ("{{$x := 1}}{{range .List}}{{$x = 2}}{{end}}{{$x}}", "2"),
        ("a {{- .Text -}} b", "aHellob"),
        ("a {{- /* gone */ -}} b", "ab"),
        ("{{and .Yes .Text}} {{or .Null .Text}} {{not .Yes}}", "Hello Hello false"),
        ("{{if and .Yes (gt .Number 3)}}t{{end}}", "t"),
        ("{{(index .List 0)}}", "a"),
        ('{{"a\\tb"}}{{`\\t`}}', "a\tb\\t"),
        ('{{"}}"}}', "}}"),
        ("{{slice .Text 1 3}}", "el"),
        ("{{ne .Number 8}}{{le 1 1}}{{lt 2 1}}", "truetruefalse"),
    ],
)
def test_templates_are_filled_in_as_go_would(source: str, text: str) -> None:
    assert parse_template(source).execute(DATA) == text


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{{.Text", "template: :1: unclosed action"),
        ("{{foo}}", 'template: :1: function "foo" not defined'),
        ("{{if .Text}}", "template: :1: unexpected EOF"),
        ("{{end}}", "template: :1: unexpected {{end}}"),
        ("{{}}", "template: :1: missing value for command"),
        ('{{"x}}', "template: :1: unclosed action"),
    ],
)
def test_what_cannot_be_read_is_told_in_gos_words(source: str, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        parse_template(source)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "{{.Map.z}}",
            'template: :1:6: executing "" at <.Map.z>: map has no entry for key "z"',
        ),
        (
            "x\n{{.Text.z}}",
            'template: :2:7: executing "" at <.Text.z>: can\'t evaluate field z in type string',
        ),
        (
            "{{.Null.z}}",
            'template: :1:7: executing "" at <.Null.z>: nil pointer evaluating interface {}.z',
        ),
    ],
)
def test_what_cannot_be_filled_in_is_told_with_its_place(source: str, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        parse_template(source).execute(DATA)
    assert str(caught.value) == message


def test_documents_print_as_the_types_of_gos_client() -> None:
    document = {
        "Id": "x",
        "HostConfig": {
            "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
            "Binds": None,
            "PidsLimit": None,
            "LogConfig": {"Type": "json-file", "Config": {}},
        },
        "Config": {"Env": ["A=b"], "Labels": {"a": "b"}},
        "NetworkSettings": {"Ports": {"80/tcp": [{"HostIp": "::", "HostPort": "8080"}]}},
        "State": {"Running": True},
    }
    source = (
        "{{.ID}} {{.HostConfig.RestartPolicy}} {{.HostConfig.Binds}} {{.HostConfig.PidsLimit}} "
        "{{.HostConfig.LogConfig}} {{.Config.Labels}} {{.NetworkSettings.Ports}} "
        "{{.State.Health}} {{if .State.Health}}h{{end}} {{json .HostConfig.Binds}}"
    )
    assert parse_template(source).execute(as_records(document)) == (
        "x {no 0} [] <nil> {json-file map[]} map[a:b] map[80/tcp:[{:: 8080}]] <nil>  null"
    )
