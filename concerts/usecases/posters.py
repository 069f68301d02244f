"""Give a concert its poster, take it from it, and delete the files of posters that nobody has.

Note [Files before rows]
A poster's files are stored before the row that names them commits, and deleted only with a row that
no concert has had for long; so the files of every poster that is shown are there. Both happen under
one advisory lock: the same picture may be uploaded while its files are being deleted. What a failed
upload leaves is the files of that picture, which its next upload takes over.
"""

from datetime import datetime
from uuid import UUID

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from accounts.operations import record_audit
from concerts import locking, policy, store
from concerts.errors import PosterNotStored
from concerts.models import Concert, Poster
from concerts.poster_files import PosterFiles
from kernel.db.transaction import transaction
from kernel.staff import audit


def put(
    *, concert_id: UUID, files: PosterFiles, actor_id: UUID | None, reason: str, now: datetime
) -> bool:
    """Give a concert a poster in place of the one it has; return False where it has this one.

    Raises `ConcertNotFound`, `PosterNotStored`.
    """
    with transaction():
        locking.lock_posters()
        concert = locking.lock_concert(concert_id=concert_id)
        poster = _kept(files)
        return _set(concert, poster, actor_id, reason, now)


def remove(*, concert_id: UUID, actor_id: UUID | None, reason: str, now: datetime) -> bool:
    """Take a concert's poster; return False where it has none. Raises `ConcertNotFound`."""
    with transaction():
        locking.lock_posters()
        concert = locking.lock_concert(concert_id=concert_id)
        return _set(concert, None, actor_id, reason, now)


def delete_unused(*, now: datetime) -> int:
    """Delete posters that no concert has had for `policy.POSTERS_KEPT`; return how many.

    Pages that are kept somewhere show the files for a while after a concert has another poster.
    """
    with transaction():
        locking.lock_posters()
        unused = Poster.objects.filter(concerts=None)
        unused.filter(unused_since=None).update(unused_since=now)
        old = list(unused.filter(unused_since__lte=now - policy.POSTERS_KEPT))
        Poster.objects.filter(pk__in=[poster.pk for poster in old]).delete()
        for name in (name for poster in old for name in poster.names()):
            default_storage.delete(name)
    return len(old)


def _kept(files: PosterFiles) -> Poster:
    """Store the files, and return the row of the poster, which may be there already."""
    made = Poster(
        digest=files.digest,
        width=files.width,
        height=files.height,
        widths=sorted(files.files),
    )
    try:
        for width, content in files.files.items():
            _store(made.name_of(width), content)
    except Exception as error:  # each storage has its own
        raise PosterNotStored from error
    poster = Poster.objects.filter(digest=files.digest).first()
    if poster is None:
        made.save(force_insert=True)
        return made
    poster.unused_since = None
    poster.save(update_fields=["unused_since"])
    return poster


def _store(name: str, content: bytes) -> None:
    if default_storage.exists(name) and default_storage.size(name) == len(content):
        return
    if default_storage.save(name, ContentFile(content)) != name:
        raise PosterNotStored  # a storage that renames would leave the page without its picture


def _set(
    concert: Concert, poster: Poster | None, actor_id: UUID | None, reason: str, now: datetime
) -> bool:
    before = concert.poster
    if before == poster:
        return False
    concert.poster = poster
    concert.save(update_fields=["poster"])
    store.catalogue_changed()
    record_audit(
        actor_id=actor_id,
        action="concerts.set_poster",
        target=audit.target_of(concert),
        reason=reason,
        changes={
            "poster": {
                "from": before.digest if before else None,
                "to": poster.digest if poster else None,
            }
        },
        now=now,
    )
    return True
