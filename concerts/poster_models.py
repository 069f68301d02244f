"""The posters of concerts; `concerts.models` has them as its own."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from kernel.db.fields import UUID7Field
from kernel.i18n import text


class Poster(models.Model):
    """A picture in several widths, named by what is in its files; it never changes.

    `width` and `height` are those of the widest file, in pixels; `widths` ascend. Concerts with the
    same picture share it.
    """

    id = UUID7Field()
    digest = models.CharField(max_length=32)
    width = models.PositiveSmallIntegerField()
    height = models.PositiveSmallIntegerField()
    widths = ArrayField(models.PositiveSmallIntegerField())
    unused_since = models.DateTimeField(null=True)

    class Meta:
        verbose_name = text(en="poster", ko="포스터")
        verbose_name_plural = text(en="posters", ko="포스터")
        constraints = [
            models.UniqueConstraint(fields=["digest"], name="concerts_poster_digest_unique"),
        ]

    def __str__(self) -> str:
        return str(self.digest)

    def name_of(self, width: int) -> str:
        """Return the name of the file of a width in the storage of media."""
        return f"posters/{self.digest}-{width}.webp"

    def names(self) -> list[str]:
        """Return the names of all its files."""
        return [self.name_of(width) for width in self.widths]
