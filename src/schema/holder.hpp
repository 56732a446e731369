#pragma once
// Where the current snapshot is, for readers on every thread.

#include "base/published.hpp"
#include "schema/catalogue.hpp"

namespace lintas::schema {

using Holder = Published<Catalogue>;              // null before the first load
using CachedSnapshot = PublishedView<Catalogue>;  // one thread's own

}  // namespace lintas::schema
