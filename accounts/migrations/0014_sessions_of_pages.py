"""Sessions of fans' pages: one purpose more."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0013_webhook_limit")]

    operations = [
        migrations.AlterField(
            model_name="session",
            name="purpose",
            field=models.CharField(
                choices=[("staff", "Staff pages"), ("api", "Login API"), ("fan", "Fans\' pages")],
                db_default="api",
                default="api",
                editable=False,
                max_length=8,
                verbose_name="purpose",
            ),
        ),
        migrations.RemoveConstraint(model_name="session", name="accounts_session_purpose"),
        migrations.AddConstraint(
            model_name="session",
            constraint=models.CheckConstraint(
                condition=models.Q(("purpose__in", ["staff", "api", "fan"])),
                name="accounts_session_purpose",
            ),
        ),
    ]
