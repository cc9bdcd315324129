"""LINE's own SDK understands the simulator: one host serves both of its hosts."""

from __future__ import annotations

import pytest
from linebot.v3.messaging import (
    ApiException,
    AsyncApiClient,
    AsyncMessagingApi,
    AsyncMessagingApiBlob,
    Configuration,
    CreateRichMenuAliasRequest,
    MessageAction,
    PushMessageRequest,
    ReplyMessageRequest,
    RichMenuArea,
    RichMenuBounds,
    RichMenuRequest,
    RichMenuSize,
    SetWebhookEndpointRequest,
    ShowLoadingAnimationRequest,
    TextMessage,
)
from linebot.v3.messaging import TestWebhookEndpointRequest as WebhookTest
from simulator_stand_in import TOKEN, served, town


async def test_the_sdk_against_the_simulator() -> None:
    """Everything that the product asks through the SDK is answered in a shape the SDK accepts."""
    async with town(quota=200) as here, served(here.app) as base:
        client = AsyncApiClient(Configuration(access_token=TOKEN, host=f"{base}/simulator"))
        async with client:
            api, blob = AsyncMessagingApi(client), AsyncMessagingApiBlob(client)
            mother = here.platform.add_resident("Linh", language="vi")
            event = await here.platform.send_image(mother, b"\x89PNG picture")

            words = [TextMessage(text="はい")]
            replied = await api.reply_message(ReplyMessageRequest(reply_token=event.reply_token, messages=words))
            assert [sent.id for sent in replied.sent_messages] == [bubble.id for bubble in mother.heard]
            with pytest.raises(ApiException) as refused:
                await api.reply_message(ReplyMessageRequest(reply_token=event.reply_token, messages=words))
            assert (refused.value.status, "Invalid reply token" in refused.value.body) == (400, True)

            push = PushMessageRequest(to=mother.id, messages=words)
            key = "123e4567-e89b-12d3-a456-426614174000"
            first = await api.push_message_with_http_info(push, x_line_retry_key=key)
            with pytest.raises(ApiException) as again:
                await api.push_message(push, x_line_retry_key=key)
            assert again.value.status == 409
            assert again.value.headers["x-line-accepted-request-id"] == first.headers["x-line-request-id"]

            assert (await api.get_profile(mother.id)).language == "vi"
            assert (await api.get_message_quota()).value == 200
            assert (await api.get_message_quota_consumption()).total_usage == 1
            assert (await api.get_bot_info()).basic_id == "@hinata-demo"
            assert await blob.get_message_content(event.message_id) == b"\x89PNG picture"
            await api.show_loading_animation(ShowLoadingAnimationRequest(chat_id=mother.id, loading_seconds=10))

            await api.set_webhook_endpoint(SetWebhookEndpointRequest(endpoint="https://example.com/line"))
            assert (await api.get_webhook_endpoint()).endpoint == "https://example.com/line"
            here.platform.webhooks.url = "http://desk.test/line/webhook"
            assert (await api.test_webhook_endpoint(WebhookTest())).success

            area = RichMenuArea(
                bounds=RichMenuBounds(x=0, y=0, width=800, height=270), action=MessageAction(label="相談", text="相談")
            )
            size = RichMenuSize(width=800, height=270)
            menu = RichMenuRequest(size=size, selected=True, name="m", chat_bar_text="メニュー", areas=[area])
            menu_id = (await api.create_rich_menu(menu)).rich_menu_id
            await blob.set_rich_menu_image(menu_id, body=b"\x89PNG menu", _headers={"Content-Type": "image/png"})
            await api.link_rich_menu_id_to_user(mother.id, menu_id)
            assert (await api.get_rich_menu_id_of_user(mother.id)).rich_menu_id == menu_id
            await api.create_rich_menu_alias(CreateRichMenuAliasRequest(rich_menu_alias_id="ja", rich_menu_id=menu_id))
            assert (await api.get_rich_menu_alias_list()).aliases[0].rich_menu_id == menu_id
            assert len((await api.get_rich_menu_list()).richmenus) == 1
            await api.delete_rich_menu_alias("ja")
            await api.delete_rich_menu(menu_id)
            assert here.platform.menus.shown(mother) is None
