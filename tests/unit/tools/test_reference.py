"""What is generated from the configuration is committed as it would be generated now."""

from sim2sky.tools.reference import ROOT, SCHEMAS, readme, schema


def test_generated_reference_is_up_to_date():
    assert (ROOT / "config/README.md").read_text() == readme(), "run `make docs`"
    for name in SCHEMAS:
        assert (ROOT / f"workflow/schemas/{name}.schema.json").read_text() == schema(name), "run `make docs`"
