#pragma once
// The map: the way of one request through the stages, readable from top to bottom.

#include "app/services.hpp"
#include "base/deadline.hpp"
#include "base/http_message.hpp"
#include "base/task.hpp"

namespace lintas::app {

/// Answers one request, errors included. What it learns on the way goes into `facts`.
/// Cancel (terminal): the client has gone; the query is cancelled, the reply is meaningless.
/// Thread: the one that owns `services`.
Task<Reply> handle_request(const RawRequest& raw, Deadline deadline, Services& services,
                           Facts& facts);

}  // namespace lintas::app
