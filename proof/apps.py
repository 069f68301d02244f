from django.apps import AppConfig

from kernel.i18n import text


class ProofConfig(AppConfig):
    name = "proof"
    verbose_name = text(en="Proof", ko="검증")
