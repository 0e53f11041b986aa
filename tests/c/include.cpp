// The header in a C++ program, beside the headers its annotations could collide with.
#include <cosmos_vm.h>
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

int main()
{
    cosmos_dl *library = cosmos_dlopen("libm.so.6", nullptr);
    if (!library) {
        std::cerr << cosmos_dlerror() << '\n';
        return 1;
    }
    auto cosine = reinterpret_cast<double (*)(double)>(cosmos_dlfunc(library, "double cos(double x)"));
    if (!cosine) {
        std::cerr << cosmos_dlerror() << '\n';
        return 1;
    }
    std::cout << cosine(0.0) << '\n';
    return cosmos_dlclose(library);
}
