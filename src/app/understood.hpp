#pragma once
// Everything that is known once a request has been understood and before any source is asked.

#include "app/services.hpp"
#include "auth/identity.hpp"
#include "base/deadline.hpp"
#include "base/http_message.hpp"
#include "parse/request.hpp"
#include "schema/catalogue.hpp"

namespace lintas::app {

/// Refers to what the handler of the request holds.
struct Understood {
    const RawRequest& raw;
    const parse::Request& request;
    const schema::Snapshot& catalogue;
    const schema::Relation& relation;
    const auth::Identity& identity;
    const std::shared_ptr<Settings>& settings;
    const std::shared_ptr<PrimaryBackend>& primary;
    Clock::time_point arrived;
    Deadline deadline;
};

}  // namespace lintas::app
