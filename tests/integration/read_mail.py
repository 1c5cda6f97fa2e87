"""Reads a message as a mail program does and tells its parts as JSON: the judge of our own writer."""

import json
import sys
from email import policy
from email.parser import BytesParser

message = BytesParser(policy=policy.default).parse(open(sys.argv[1], "rb"))


def tree(part):
    told = {"type": part.get_content_type()}
    if part.is_multipart():
        told["parts"] = [tree(inner) for inner in part.iter_parts()]
        return told
    content = part.get_content()
    told["bytes"] = len(content if isinstance(content, bytes) else content.encode())
    told["id"] = part["Content-ID"]
    told["file"] = part.get_filename()
    if isinstance(content, str):
        told["text"] = content
    return told


html = message.get_body(("html",))
told = {
    "headers": [[name, str(value)] for name, value in message.items()],
    "tree": tree(message),
    "html": html.get_content() if html else None,
    "text": message.get_body(("plain",)).get_content(),
    "attachments": [part.get_filename() for part in message.iter_attachments()],
    "defects": [str(defect) for part in message.walk() for defect in part.defects],
}
if len(sys.argv) > 2:
    for part in message.iter_attachments():
        if part.get_filename():
            content = part.get_content()
            open(f"{sys.argv[2]}/{part.get_filename()}", "wb").write(content if isinstance(content, bytes) else content.encode())
print(json.dumps(told))
