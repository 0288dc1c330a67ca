"""SketchyChain's event types, in the order of their numbers."""

KINDS = (
    "session:start", "session:end", "session:identify", "prompt:submit", "prompt:success",
    "prompt:failure", "prompt:modify", "sketch:create", "sketch:view", "sketch:modify",
    "sketch:execute", "sketch:canvas_interact", "collaboration:join", "collaboration:leave",
    "collaboration:interact", "feature:history_navigate", "feature:code_view",
    "feature:settings_change", "feature:tool_select", "error:client", "error:performance",
    "security:violation", "security:rate_limited", "security:moderated", "system:api_request",
    "system:resource", "experiment:expose",
)  # fmt: skip
(
    SESSION_START, SESSION_END, IDENTIFY, SUBMIT, SUCCESS, FAILURE, MODIFY_PROMPT, CREATE, VIEW,
    MODIFY, EXECUTE, CANVAS, JOIN, LEAVE, INTERACT, HISTORY, CODE, SETTINGS, TOOL, CLIENT_ERROR,
    PERFORMANCE, VIOLATION, RATE_LIMITED, MODERATED, API_REQUEST, RESOURCE, EXPOSE,
) = range(len(KINDS))  # fmt: skip
SYSTEM_KINDS = (
    SUCCESS, FAILURE, CLIENT_ERROR, PERFORMANCE, VIOLATION, RATE_LIMITED, MODERATED, API_REQUEST,
    RESOURCE, EXPOSE,
)  # fmt: skip
SKETCHLESS = (SESSION_START, SESSION_END, IDENTIFY, EXPOSE, VIOLATION, RATE_LIMITED, RESOURCE)
