#include "app/services.hpp"

namespace lintas::app {

bool is_deposed(const postgres::SessionIdentity& session, const position::Lineage& lineage) {
    if (lineage.system_id == 0) return false;
    if (session.system_id != 0 && session.system_id != lineage.system_id) return true;
    return session.timeline != 0 && session.timeline < lineage.history.current();
}

void Services::drop_deposed() {
    const std::uint64_t version = site.progress.lineage().version();
    if (std::exchange(lineage_judged, version) == version) return;
    const std::shared_ptr<const position::Lineage> current = lineage.get();
    primary->pool.close_where(
        [&](const postgres::SessionIdentity& session) { return is_deposed(session, *current); });
}

}  // namespace lintas::app
