"""The other shapes that settings give the graph, beside the two stacks as they are written down."""

EVERYTHING = {
    "privateNetwork": "true",
    "alertEmail": "operator@example.com",
    "protectData": "true",
    "uploadDays": "30",
    "resultDays": "30",
    "recoverDays": "7",
    "uploadEndings": '[".mp4", ".mov"]',
}
GIVEN = {
    "resourceGroup": "mine",
    "image": f"registry.example.com/face-redaction@sha256:{'0' * 64}",
    "apiAudience": "api://11111111-2222-3333-4444-555555555555",
}
