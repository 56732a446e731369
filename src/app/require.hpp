#pragma once
// What a request asks of its answer, its tokens judged by what the primary has really written.

#include "app/understood.hpp"
#include "position/freshness.hpp"

namespace lintas::app {

/// Asks the primary about a token that is above all that is known here. Errors: those of
/// route::requirement_of() and route::unknown_position(); no_source when the primary does not
/// answer; cancelled. Cancel: safe.
Task<Result<position::Requirement>> require(const Understood& understood, Services& services);

}  // namespace lintas::app
