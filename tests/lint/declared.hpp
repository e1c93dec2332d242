// What the samples beside it use, as far as scripts/lint looks at it. Nothing here is compiled.
#pragma once

struct holder {
    std::string text;
};
coax::task<bool> more();
coax::task<int> count();
