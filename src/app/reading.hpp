#pragma once
// A read that has been understood, with everything it takes to ask a source for it.

#include <memory>
#include <optional>
#include <string>

#include "app/services.hpp"
#include "auth/identity.hpp"
#include "base/deadline.hpp"
#include "base/statement.hpp"
#include "parse/request.hpp"
#include "position/freshness.hpp"
#include "schema/catalogue.hpp"

namespace lintas::app {

/// Owns what it needs: a refresh in the background outlives the request that caused it.
struct Reading {
    parse::Request request;
    parse::Media media = parse::Media::json;
    auth::Identity identity;
    schema::Snapshot catalogue;
    const schema::Relation* relation = nullptr;  // of `catalogue`
    std::shared_ptr<Settings> settings;
    std::shared_ptr<PrimaryBackend> primary;
    std::shared_ptr<replica::ReplicaSet> replicas;
    position::Requirement requirement{};
    /// What SQL can see of this one request.
    Statement request_settings{};
    std::string key{};  // of the caches; empty: the answer is not to be cached
    Deadline deadline{};

    bool cacheable() const { return !key.empty(); }
};

}  // namespace lintas::app
