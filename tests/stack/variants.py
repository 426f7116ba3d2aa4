"""Further variants of the graph by settings, beside the two shipped stacks."""

_MINE = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/mine/providers"

EVERYTHING = {
    "privateNetwork": "true",
    "networkRange": "10.9.0.0/20",
    "alertEmail": "operator@example.com",
    "monthlyBudget": "200",
    "uploaders": "22222222-3333-4444-5555-666666666666,33333333-4444-5555-6666-777777777777",
    "reviewers": "33333333-4444-5555-6666-777777777777",
    "protectData": "true",
    "uploadDays": "30",
    "resultDays": "30",
    "recoverDays": "7",
    "uploadEndings": '[".mp4", ".mov"]',
}
GIVEN = {
    "resourceGroup": "mine",
    "deployerGroup": "22222222-3333-4444-5555-666666666666",
    "lakeAccount": f"{_MINE}/Microsoft.Storage/storageAccounts/mylake",
    "systemTopic": f"{_MINE}/Microsoft.EventGrid/systemTopics/mytopic",
    "image": f"registry.example.com/face-redaction@sha256:{'0' * 64}",
    "apiAudience": "api://11111111-2222-3333-4444-555555555555",
}
TUNED = {
    "quality": "accurate",
    "verify": "true",
    "damaged": "salvage",
    "uploadDays": "30",
    "resultDays": "10",
    "recoverDays": "0",
    "uploadEndings": '[".mp4", ".MOV"]',
    "workerProfile": "D8",
    "workerLimit": "3",
    "workerMinutes": "10",
}
VARIANTS: dict[str, dict[str, str]] = {"": {}, "everything": EVERYTHING, "given": GIVEN, "tuned": TUNED}
