#pragma once
// Which reads may be cached, under which key, and what their answers depend on.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parse/request.hpp"
#include "position/stamps.hpp"
#include "schema/catalogue.hpp"

namespace lintas::cache {

struct KeyParts {
    const parse::Request& request;
    const schema::Relation& relation;
    parse::Media media = parse::Media::json;
    std::string_view role;
    std::string_view claims_json;
    const std::vector<std::string>& cache_claims;  // api.cache_claims
    std::optional<std::int64_t> max_rows{};
};

/// Equal iff the same answer may be given to both: everything that the answer is made of but the
/// rows. A GET and a HEAD have the same.
std::string key_of(const KeyParts& parts);

/// Empty if an answer may be kept at all, else why not, in plain words (POSITIONS section 7). The
/// relation's own part is schema::Relation::cacheability.
std::string_view why_not_cacheable(const parse::Request& request, const schema::Relation& relation);

/// A read by the whole primary key depends on that row, every other on the whole of what it reads.
/// A relation that the feed does not follow makes a dependency without a table.
std::vector<position::Dependency> dependencies_of(const parse::Request& request,
                                                  const schema::Relation& relation,
                                                  const position::Stamps& stamps);

/// The key's values in key order, each as PostgreSQL prints it, if `where` asks for one row by its
/// whole primary key; nullopt: it does not, or it cannot be said.
std::optional<std::vector<std::string>> row_key_asked_for(const std::vector<parse::Tree>& where,
                                                          const schema::Relation& relation);

}  // namespace lintas::cache
