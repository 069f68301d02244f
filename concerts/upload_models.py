"""Layout files that wait for a worker; `concerts.models` has them as its own."""

from django.db import models

from kernel.db.fields import NameField, UUID7Field
from kernel.i18n import text


class LayoutUpload(models.Model):
    """A layout file for a worker to read (Note [Large layout files], usecases/uploads.py)."""

    class State(models.TextChoices):
        WAITING = "WAITING", text(en="Waiting", ko="대기")
        RUNNING = "RUNNING", text(en="Running", ko="처리 중")
        DONE = "DONE", text(en="Done", ko="완료")
        REFUSED = "REFUSED", text(en="Refused", ko="거부됨")
        FAILED = "FAILED", text(en="Failed", ko="실패")

    id = UUID7Field()
    performance = models.ForeignKey(
        "concerts.Performance", on_delete=models.PROTECT, related_name="layout_uploads"
    )
    name = NameField(max_length=200)
    is_import = models.BooleanField()
    reason = models.CharField(max_length=500, blank=True)
    actor_id = models.UUIDField(null=True)
    state = models.CharField(max_length=7, choices=State.choices, default=State.WAITING)
    stage = models.CharField(max_length=10, blank=True)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    fence = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    report = models.JSONField(default=dict)
    # Where an imported file is kept (kernel/stored_files.py); empty where it isn't.
    file = models.CharField(max_length=150, blank=True, default="", db_default="")
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = text(en="layout upload", ko="좌석 배치 업로드")
        verbose_name_plural = text(en="layout uploads", ko="좌석 배치 업로드")

    def __str__(self) -> str:
        return str(self.name)

    @property
    def percent(self) -> int:
        """How much of the present stage is done."""
        return 100 * self.done // self.total if self.total else 0


class LayoutUploadPart(models.Model):
    """A piece of an uploaded file; all of them go once it has been read."""

    id = UUID7Field()
    upload = models.ForeignKey(LayoutUpload, on_delete=models.CASCADE, related_name="parts")
    number = models.PositiveSmallIntegerField()
    content = models.BinaryField()

    class Meta:
        verbose_name = text(en="part of a layout upload", ko="좌석 배치 업로드 조각")
        verbose_name_plural = text(en="parts of layout uploads", ko="좌석 배치 업로드 조각")
        constraints = [
            models.UniqueConstraint(
                fields=["upload", "number"], name="concerts_upload_part_unique"
            ),
        ]

    def __str__(self) -> str:
        return str(self.number)
