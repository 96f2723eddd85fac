"""The lesson's page: what Tab goes to is in view."""

from __future__ import annotations

import asyncio

from tutor.ui.app import TutorApp
from tutor.ui.screens.reader import ReaderScreen
from tutor.ui.services import Services
from tutor.ui.widgets.page import Page
from tutor.ui.widgets.question import QuestionView


def test_tabs_pressed_in_one_breath_end_in_view() -> None:
    # The question is in view, the two cards before it are not: the page scrolls up and must come down again.
    async def hasty() -> None:
        services = Services.open()
        app = TutorApp(services, language="en")
        async with app.run_test(size=(80, 24)) as pilot:
            app.push_screen(reader := ReaderScreen(services, "tokenizer"))
            await pilot.pause()
            page, question = reader.query_one(Page), reader.query(QuestionView).first()
            page.scroll_to_widget(question, animate=False)
            await pilot.pause()
            page.focus()
            while reader.focused is not question:
                reader.focus_next()
                await asyncio.sleep(0)  # the page scrolls, and is not laid out anew yet
            await pilot.pause()
            assert reader.can_view_entire(question)
        services.close()

    asyncio.run(hasty())
