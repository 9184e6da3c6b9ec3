"""The endpoints of the HuggingFace Hub that one dataset repository needs, on loopback, for the real client.

Files that the client would send through large-file storage are, by the basic transfer, and come back through a redirect
to another origin, as those of the Hub do.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from testing.servers.files import Asked, FileServer, Reply, file_server


@dataclass
class Hub:
    """Attributes: repository; commits, oldest first, each path -> content; the server and that of large files."""

    repo: str
    commits: list[tuple[str, dict[str, bytes]]] = field(default_factory=list)
    large: dict[str, bytes] = field(default_factory=dict)
    server: FileServer | None = None
    storage: FileServer | None = None

    @property
    def head(self) -> str:
        """Name of the last commit."""
        return self.commits[-1][0]

    def files_at(self, revision: str) -> dict[str, bytes] | None:
        """Return the files of a commit or of the branch."""
        return dict(self.commits).get(self.head if revision == "main" else revision)

    def commit(self, files: dict[str, bytes]) -> str:
        """Add files in one commit and return its name."""
        whole = {**(self.commits[-1][1] if self.commits else {}), **files}
        text = json.dumps([len(self.commits), *sorted((k, hashlib.sha256(v).hexdigest()) for k, v in whole.items())])
        self.commits.append((hashlib.sha1(text.encode()).hexdigest(), whole))
        return self.head

    def answer(self, asked: Asked, content: bytes) -> Reply:
        """Answer as the Hub does."""
        path = unquote(urlsplit(asked.path).path)
        api, files = f"/api/datasets/{self.repo}", f"/datasets/{self.repo}"
        if path == "/api/validate-yaml":
            return _json({"errors": _faults(json.loads(content)["content"]), "warnings": []})
        if path.startswith(f"{api}/preupload/"):
            return self._preupload(json.loads(content))
        if path.startswith(f"{api}/commit/"):
            return self._commit(content)
        if path == f"{files}.git/info/lfs/objects/batch":
            return self._batch(json.loads(content))
        if path == api or path.startswith(f"{api}/revision/"):
            return self._info(path.removeprefix(f"{api}/revision/") if path != api else "main")
        if path.startswith(f"{files}/resolve/"):
            return self._resolve(asked, *path.removeprefix(f"{files}/resolve/").split("/", 1))
        return Reply(404, {"X-Error-Code": "RepoNotFound"}, b"{}")

    def store(self, asked: Asked, content: bytes) -> Reply:
        """Take and give large files, as the Hub's storage does: without ever seeing a token."""
        if "authorization" in asked.headers:
            return Reply(400, body=b"a token came where it should not")
        oid = asked.path.strip("/")
        if asked.method == "PUT":
            self.large[oid] = content
            return Reply()
        body = self.large[oid]
        first = int(asked.headers.get("range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        if first:
            return Reply(206, {"Content-Range": f"bytes {first}-{len(body) - 1}/{len(body)}"}, body[first:])
        return Reply(200, body=body)

    def _info(self, revision: str) -> Reply:
        if self.files_at(revision) is None:
            return Reply(404, {"X-Error-Code": "RevisionNotFound"}, b"{}")
        sha = self.head if revision == "main" else revision
        names = sorted(self.files_at(sha) or {})
        siblings = [{"rfilename": name} for name in names]
        return _json({"id": self.repo, "sha": sha, "private": False, "tags": [], "siblings": siblings})

    def _preupload(self, asked: dict[str, Any]) -> Reply:
        def mode(path: str) -> str:
            return "lfs" if path.endswith((".zip", ".safetensors")) else "regular"

        files = [{"path": f["path"], "uploadMode": mode(f["path"]), "shouldIgnore": False} for f in asked["files"]]
        return _json({"files": files})

    def _batch(self, asked: dict[str, Any]) -> Reply:
        assert self.storage is not None
        origin = self.storage.origin
        objects = [
            {**one, "actions": {"upload": {"href": f"{origin}/{one['oid']}", "header": {}}}} for one in asked["objects"]
        ]
        return _json({"transfer": "basic", "objects": objects})

    def _commit(self, content: bytes) -> Reply:
        lines = [json.loads(line) for line in content.splitlines()]
        header = next(line["value"] for line in lines if line["key"] == "header")
        if header.get("parentCommit", self.head) != self.head:
            return Reply(412, body=json.dumps({"error": "A commit has happened since."}).encode())
        files = {
            line["value"]["path"]: base64.b64decode(line["value"]["content"]) for line in lines if line["key"] == "file"
        }
        files |= {line["value"]["path"]: self.large[line["value"]["oid"]] for line in lines if line["key"] == "lfsFile"}
        oid = self.commit(files)
        return _json(
            {
                "success": True,
                "commitOid": oid,
                "commitUrl": f"https://huggingface.co/datasets/{self.repo}/commit/{oid}",
                "hookOutput": "",
            }
        )

    def _resolve(self, asked: Asked, revision: str, path: str) -> Reply:
        body = (self.files_at(revision) or {}).get(path)
        if body is None:
            return Reply(404, {"X-Error-Code": "EntryNotFound"}, b"Entry not found")
        if path.endswith((".zip", ".safetensors")):
            assert self.storage is not None
            oid = hashlib.sha256(body).hexdigest()
            self.large[oid] = body
            return Reply(302, {"Location": f"{self.storage.origin}/{oid}"})
        return Reply(200, {"ETag": f'"{hashlib.sha1(body).hexdigest()}"'}, body)


def _faults(page: str) -> list[dict[str, str]]:
    """Return what is wrong with the header of a README."""
    import yaml

    try:
        header = yaml.safe_load(page.split("---")[1])
        good = isinstance(header["configs"], list) and all(isinstance(c["data_files"], str) for c in header["configs"])
    except (yaml.YAMLError, KeyError, TypeError, IndexError) as error:
        return [{"message": str(error)}]
    return [] if good else [{"message": "configs"}]


def _json(document: Any) -> Reply:
    return Reply(200, {"Content-Type": "application/json"}, json.dumps(document).encode())


@contextmanager
def hub_server(repo: str = "group/embeddings") -> Iterator[Hub]:
    """Serve one empty dataset repository until the end of the block."""
    hub = Hub(repo)
    hub.commit({".gitattributes": b""})
    with file_server(hub.answer) as server, file_server(hub.store) as storage:
        hub.server, hub.storage = server, storage
        yield hub
