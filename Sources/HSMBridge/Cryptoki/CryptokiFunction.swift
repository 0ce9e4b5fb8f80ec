/// The PKCS#11 functions the bridge calls, by the names errors show.
///
/// C_WrapKey, C_CopyObject, C_CreateObject and C_UnwrapKey are absent on purpose: no private key enters or leaves a
/// token through this bridge.
enum CryptokiFunction: String, Sendable {
    case initialize = "C_Initialize"
    case finalize = "C_Finalize"
    case getFunctionList = "C_GetFunctionList"
    case getInfo = "C_GetInfo"
    case getSlotList = "C_GetSlotList"
    case getTokenInfo = "C_GetTokenInfo"
    case getMechanismList = "C_GetMechanismList"
    case getMechanismInfo = "C_GetMechanismInfo"
    case openSession = "C_OpenSession"
    case closeSession = "C_CloseSession"
    case getSessionInfo = "C_GetSessionInfo"
    case login = "C_Login"
    case logout = "C_Logout"
    case findObjectsInit = "C_FindObjectsInit"
    case findObjects = "C_FindObjects"
    case findObjectsFinal = "C_FindObjectsFinal"
    case getAttributeValue = "C_GetAttributeValue"
    case setAttributeValue = "C_SetAttributeValue"
    case destroyObject = "C_DestroyObject"
    case generateKeyPair = "C_GenerateKeyPair"
    case generateRandom = "C_GenerateRandom"
    case signInit = "C_SignInit"
    case sign = "C_Sign"
    case decryptInit = "C_DecryptInit"
}
