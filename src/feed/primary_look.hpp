#pragma once
// One question to the primary, and what its answer means for what is known already: pure, so that
// promotions and deposed primaries can be tested without any.

#include <optional>
#include <string>

#include "base/result.hpp"
#include "base/statement.hpp"
#include "feed/pulse.hpp"
#include "position/progress.hpp"
#include "position/snapshot.hpp"

namespace lintas::postgres {
class Rows;
}

namespace lintas::feed {

/// Everything in one statement: through a pooler each may reach another server session.
Statement look_statement();

struct PrimaryLook {
    bool in_recovery = false;  // then only system_id and snapshot are set
    position::Lsn insert{};
    position::Lsn flush{};
    position::Snapshot snapshot{};
    std::uint64_t system_id = 0;
    position::Timeline timeline = 0;
};
/// Errors: internal, the row is not what look_statement() asks for.
Result<PrimaryLook> decode_look(const postgres::Rows& rows);

enum class Meaning {
    known,        // of the lineage that is known
    new_lineage,  // first seen, promoted, or another cluster: its history has to be read
    in_recovery,
    deposed,
};
Meaning meaning_of(const PrimaryLook& look, const position::Lineage& known);

/// A plain sentence for in_recovery and deposed, empty for the others.
std::string sentence(Meaning meaning, const PrimaryLook& look, const position::Lineage& known);

/// What to publish when `history` was read (nullopt: it could not be) of a server on `timeline`. A
/// history without ancestors never replaces one of the same timeline that has them.
position::Lineage lineage_from(std::uint64_t system_id, position::Timeline timeline,
                               std::optional<position::History> history,
                               const position::Lineage& known);

}  // namespace lintas::feed
