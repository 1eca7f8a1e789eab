"""`sedt push`."""

from __future__ import annotations

from typing import Annotated

import typer


def push(
    model: Annotated[str, typer.Argument(help="Folder of a model package.", metavar="MODEL")],
    repository: Annotated[str, typer.Argument(help="Where it goes, as user/name.", metavar="REPOSITORY")],
    private: Annotated[
        bool, typer.Option("--private", help="Nobody but its owner sees it; else the Hub's default.")
    ] = False,
    token: Annotated[
        str | None,
        typer.Option(help="The Hub's token; better: HF_TOKEN, or `hf auth login`.", metavar="TOKEN"),
    ] = None,
    message: Annotated[str | None, typer.Option(help="What has changed, in a line.", metavar="TEXT")] = None,
    licence: Annotated[
        str | None,
        typer.Option(
            "--licence",
            "--license",
            help="In the place of the package's: cc-by-4.0, mit ..., or in words.",
            metavar="NAME",
        ),
    ] = None,
) -> None:
    """Put a model on the Hugging Face Hub, from where `sedt.load("user/name")` has it; prints its address.

    The package is read and checked before. Three files go, in one commit: config.json, model.safetensors and
    the model card README.md. The repository is made if it is not there.

    The token comes from HF_TOKEN, from `hf auth login`, or --token.

    Example: sedt push runs/kitchen/model me/kitchen --licence cc-by-4.0
    """
    from sedt.hub import check_repo, upload

    check_repo(repository)
    from sedt.detector import find_model
    from sedt.package import publication

    files = publication(find_model(model), repository, licence)
    typer.echo(upload(repository, files, private=private, token=token, message=message))
