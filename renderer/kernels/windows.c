/* What the linker needs from a C runtime on Windows: the library is linked without one, which would have to be built
 * first. Elsewhere the process provides `memcpy`, which compilers call for copies. */

#if defined(_WIN32)

#include <stddef.h>

int DllMainCRTStartup(void *library, unsigned long reason, void *reserved)
{
    (void)library, (void)reason, (void)reserved;
    return 1;
}

void *memcpy(void *restrict to, const void *restrict from, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ((char *)to)[i] = ((const char *)from)[i];
    return to;
}

void *memset(void *to, int value, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ((char *)to)[i] = (char)value;
    return to;
}

#endif
