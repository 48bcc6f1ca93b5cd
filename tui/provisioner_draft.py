"""What was typed into the form of a provisioner, and the way back: pure, without a widget."""

from collections.abc import Mapping

from appliance.model.provisioners import (
    Deed,
    FieldKind,
    FormField,
    ProvisionerChange,
    ProvisionerForm,
)


class ProvisionerDraft:
    """The values of a form. Letters typed one after the other into a field are one step back."""

    def __init__(self, form: ProvisionerForm) -> None:
        self.form = form
        self.fields: Mapping[str, FormField] = {each.name: each for each in form.fields}
        self._values = {name: self._at_first(each) for name, each in self.fields.items()}
        self._past: list[tuple[str, str]] = []
        self._open = ""  # the field whose last step goes on

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    @property
    def changed(self) -> Mapping[str, str]:
        """The values that are other ones than at first."""
        return {
            name: value
            for name, value in self._values.items()
            if value != self._at_first(self.fields[name])
        }

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return bool(self._past)

    def put(self, name: str, value: str) -> None:
        """Take what a field has now."""
        before = self._values[name]
        if value == before:
            return
        if self._open != name:
            self._past.append((name, before))
            self._open = name
        self._values[name] = value

    def pause(self) -> None:
        """Let what is typed next be a step of its own."""
        self._open = ""

    def undo(self) -> str:
        """Take the last step back, and give its field."""
        name, before = self._past.pop()
        self._values[name] = before
        self._open = ""
        return name

    def forget(self) -> None:
        """Let go of all that was typed, secrets among it."""
        for name, field in self.fields.items():
            self._values[name] = self._at_first(field)
        self._past.clear()
        self._open = ""

    def change(self, contents: Mapping[str, str] | None = None) -> ProvisionerChange:
        """Give what would be saved, with the contents of the files that were named."""
        adding = not self.form.name
        return ProvisionerChange(
            deed=Deed.ADD if adding else Deed.CHANGE,
            name=self._values["name"].strip() if adding else self.form.name,
            type=self.form.type,
            values={**self.changed, **(contents or {})},
        )

    @staticmethod
    def _at_first(field: FormField) -> str:
        """Give what a field begins with: a secret is never there to be read."""
        return "" if field.kind is FieldKind.SECRET else field.value
