#pragma once
// The way of a write: one transaction on the primary, and the position that contains it.

#include "app/understood.hpp"

namespace lintas::app {

/// Errors: everything a write can fail with. Cancel: as primary::write().
Task<Result<Reply>> serve_write(const Understood& understood, Services& services, Facts& facts);

}  // namespace lintas::app
