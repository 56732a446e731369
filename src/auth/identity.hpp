#pragma once
// Who asks: the outcome of authentication, before the database has had its say.

#include <string>

namespace lintas::auth {

struct Identity {
    std::string role{};  // empty: no role is switched to (no anon_role configured, no token)
    bool anonymous = true;
    std::string claims_json{};  // always a JSON object, with `role` filled in (DIALECT 3.2)
};

}  // namespace lintas::auth
