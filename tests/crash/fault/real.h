/* The calls behind ours: REAL(name) is the C library's. */
#ifndef MDA_FAULT_REAL_H
#define MDA_FAULT_REAL_H

#include <dlfcn.h>

#define REAL(name)                                                                                                    \
    ({                                                                                                                \
        static __typeof__(&name) found_##name;                                                                        \
        if (!found_##name)                                                                                            \
            found_##name = (__typeof__(&name))dlsym(RTLD_NEXT, #name);                                                \
        found_##name;                                                                                                 \
    })

#endif
