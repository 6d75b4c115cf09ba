"""Random documents by number: the same seed and number give the same document everywhere."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from wiregen.asyncapi import TURN_WORDS, Role

from .shapes import Shapes, percent
from .texts import Draw

Json = Any


@dataclass(frozen=True, slots=True)
class Drawn:
    """A document: its files by name."""

    files: dict[str, Json]

    def write(self, root: Path) -> Path:
        """Write the files into a folder."""
        root.mkdir(parents=True, exist_ok=True)
        for name, value in self.files.items():
            if name.endswith(".yaml"):
                with (root / name).open("w", encoding="utf-8", errors="surrogatepass") as out:
                    YAML(typ="safe").dump(value, out)
            else:
                (root / name).write_text(json.dumps(value), encoding="utf-8")
        return root


def document(seed: int, number: int) -> Drawn:
    """Return the document of a number."""
    return _Document(Draw(f"{seed}/{number}")).drawn()


class _Document:
    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        draw.hostile = draw.choice((0.1, 0.35, 0.35, 0.8))
        self.parts = draw.names(0, 3)
        self.shapes = Shapes(draw, self.parts)
        self.tag = draw.name() or "type"

    def drawn(self) -> Drawn:
        """Return the document: of version 3, or now and then of version 2."""
        events = self._messages(1, 2)
        actions = self._messages(0, 1)
        old = self.draw.random() < 0.05
        found = self._version_2(events, actions) if old else self._version_3(events, actions)
        found["info"] = {"title": self.draw.name() or "t", "version": self.draw.name()}
        if self.draw.random() < 0.5:
            found["info"]["description"] = self.draw.text()
        found["components"] = {"schemas": {name: self._part() for name in self.parts}}
        suffix = "yaml" if self.draw.random() < 0.03 else "json"
        return Drawn({f"asyncapi.{suffix}": found})

    def _part(self) -> Json:
        return self.shapes.object(1) if self.draw.random() < 0.7 else self.shapes.schema(1)

    def _messages(self, least: int, most: int) -> dict[str, Json]:
        role: Role = "event" if least else "action"
        return {word: self._message(word, role) for word in self.draw.names(least, most)}

    def _message(self, word: str, role: Role) -> Json:
        body = self.shapes.object(0)
        body["properties"] = {self.tag: {"const": word}, **body["properties"]}
        body["properties"][self.tag] = {"const": word}
        body["required"] = [*dict.fromkeys([self.tag, *body.get("required", ())])]
        chance = self.draw.random()
        if chance < 0.1 and self.parts:
            body = {"allOf": [self.shapes.ref(0), body]}
        elif chance < 0.15:
            inner = self.draw.name()
            if inner != self.tag:
                body["properties"][inner] = self.shapes.object(1)
                body["x-payload"] = ["/" + inner.replace("~", "~0").replace("/", "~1")]
        found: Json = {"payload": body}
        for share, key, value in (
            (0.2, "name", self.draw.name),
            (0.2, "title", self.draw.name),
            (0.2, "summary", self.draw.text),
            (0.1, "description", self.draw.text),
            (0.1, "x-turn", lambda: self.draw.choice(TURN_WORDS[role])),
            (0.03, "x-name", self.draw.name),
        ):
            if self.draw.random() < share:
                found[key] = value()
        return found

    def _version_3(self, events: dict[str, Json], actions: dict[str, Json]) -> Json:
        keys = {id(one): self.draw.name() + str(at) for at, one in enumerate(
            [*events.values(), *actions.values()])}  # fmt: skip
        channel = self.draw.name() or "main"
        where = f"#/channels/{_pointer(channel)}"
        operations: Json = {}
        for action, messages in (("send", events), ("receive", actions)):
            for one in messages.values():
                step: Json = {"action": action, "channel": {"$ref": where}}
                step["messages"] = [{"$ref": f"{where}/messages/{_pointer(keys[id(one)])}"}]
                if action == "receive" and self.draw.random() < 0.5:
                    answer = self.draw.choice(list(events.values()))
                    listed = [{"$ref": f"{where}/messages/{_pointer(keys[id(answer)])}"}]
                    step["reply"] = {"channel": {"$ref": where}, "messages": listed}
                operations[f"{self.draw.name()}{len(operations)}"] = step
        described: Json = {
            "address": "/" + self.draw.name(),
            "x-discriminator": self.tag,
            "messages": {keys[id(one)]: one for one in [*events.values(), *actions.values()]},
        }
        if self.draw.random() < 0.1:
            described["x-correlation"] = ["/id"]
        return {"asyncapi": "3.0.0", "channels": {channel: described}, "operations": operations}

    def _version_2(self, events: dict[str, Json], actions: dict[str, Json]) -> Json:
        channel: Json = {"x-discriminator": self.tag}
        for key, messages in (("subscribe", events), ("publish", actions)):
            if messages:
                channel[key] = {"message": {"oneOf": list(messages.values())}}
        return {"asyncapi": "2.6.0", "channels": {self.draw.name() or "main": channel}}


def _pointer(key: str) -> str:
    return percent(key.replace("~", "~0").replace("/", "~1"))
