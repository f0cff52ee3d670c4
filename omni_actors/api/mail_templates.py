"""Templates of mails, which the gateway keeps itself: what there is, and how one would look."""

from omni_actors.api.requests import MailToRender, NoQuery
from omni_actors.api.routes import Call, Reply, Route
from omni_actors.api.views import (
    MailTemplateListView,
    MailTemplateView,
    RenderedMailView,
    VariableView,
)
from omni_actors.gateway.facade import Code
from omni_actors.model.mail_templates import MailTemplate, Variable


async def list_mail_templates(call: Call[NoQuery, None]) -> Reply:
    """The templates of mails, as they were read last."""
    return Reply(MailTemplateListView(tuple(map(shown, call.gateway.mail_templates.all()))))


async def render_mail_template(call: Call[NoQuery, MailToRender]) -> Reply:
    """A template with these values, without sending it."""
    asked = call.body
    template, made = await call.gateway.mail_templates.preview(
        call.path["name"], asked.language, asked.variables, examples=asked.examples
    )
    return Reply(
        RenderedMailView(template.name, template.language, made.subject, made.text, made.html)
    )


def shown(template: MailTemplate) -> MailTemplateView:
    """A template as callers see it."""
    return MailTemplateView(
        name=template.name,
        language=template.language,
        description=template.description,
        subject=template.subject,
        html=template.html is not None,
        variables=tuple(map(variable, template.variables)),
    )


def variable(one: Variable) -> VariableView:
    """A variable as callers see it."""
    return VariableView(one.name, one.type, one.required, one.default, one.example, one.description)


ROUTES = (
    Route(
        "GET",
        "/v1/mail-templates",
        list_mail_templates,
        "The templates of mails with their variables",
        answer=MailTemplateListView,
        scope="channels:read",
    ),
    Route(
        "POST",
        "/v1/mail-templates/{name}:render",
        render_mail_template,
        "Render a template of a mail without sending it",
        answer=RenderedMailView,
        scope="channels:read",
        body=MailToRender,
        codes=(Code.TEMPLATE_PARAMS, Code.TEMPLATE_UNUSABLE, Code.OVERLOADED),
        example={"variables": {"order": "A-1042"}, "examples": True},
    ),
)
