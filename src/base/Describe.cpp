#include "base/Describe.h"

#include <stdexcept>

namespace mox::described {

void wrongKind() { throw std::logic_error("described type used as another kind"); }

}  // namespace mox::described
