#pragma once
// The way of a read: memory, then whoever asks the databases for it, under one requirement.

#include "app/understood.hpp"

namespace lintas::app {

/// Errors: everything a read can fail with. Cancel: safe.
Task<Result<Reply>> serve_read(const Understood& understood, Services& services, Facts& facts);

}  // namespace lintas::app
